import { userInfo } from 'node:os'

/** Where a user without a home keeps nothing, as Debian's own users do. */
const NO_HOME = '/nonexistent'

/**
 * The user's home: `HOME` of this environment, else of the process, or what the system says where that is no absolute
 * path.
 */
export function homeDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const home = [environment['HOME'], process.env['HOME']].find((path) => path?.startsWith('/') === true)
  if (home !== undefined) return home
  try {
    return userInfo().homedir
  } catch {
    // Containers may run as users that nobody has named.
    return NO_HOME
  }
}
