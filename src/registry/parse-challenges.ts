/** One way to say who we are, as `WWW-Authenticate` offers it. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y

/**
 * Reads `WWW-Authenticate`, with as many challenges as it has. What is no challenge ends the list: a server that
 * talks nonsense offers nothing.
 *
 * @see RFC 9110, 11.6.1
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = header ?? ''
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = 0

  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position
    const found = pattern.exec(text)
    if (found === null) return undefined
    position = pattern.lastIndex
    return found
  }

  for (;;) {
    match(/[\s,]*/y)
    const [word] = match(TOKEN) ?? []
    if (word === undefined) return challenges
    if (match(/\s*=\s*/y) === undefined) {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() })
      // The short form `Negotiate abc==`: nothing that we could use.
      match(/\s+[\w.~+/-]+=*(?=\s*(?:,|$))/y)
      continue
    }
    const quoted = match(QUOTED)
    const value = quoted === undefined ? match(TOKEN)?.[0] : quoted[1]?.replaceAll(/\\(.)/g, '$1')
    const current = challenges.at(-1)
    if (value === undefined || current === undefined) return challenges
    const name = word.toLowerCase()
    if (!current.parameters.has(name)) current.parameters.set(name, value)
  }
}
