import { userInfo } from 'node:os'

/** Where a user without a home keeps nothing, as Debian's own users do. */
const NO_HOME = '/nonexistent'

/** The user's home: `HOME`, or what the system says where that is no absolute path. */
export function homeDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const home = environment['HOME']
  if (home?.startsWith('/') === true) return home
  try {
    return userInfo().homedir
  } catch {
    // Containers may run as users that nobody has named.
    return NO_HOME
  }
}
