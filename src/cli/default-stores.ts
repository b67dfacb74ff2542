/** The stores that the environment names. */
export function defaultStores(): string[] {
  return (process.env['DOCKERTOOLS_STORE'] ?? '').split(' ').filter((uri) => uri !== '')
}

/** The store that is written to where no option says which: the first that the environment names and that can be. */
export function defaultTarget(): string {
  return defaultStores().find((uri) => /^local(?::|$)/.test(uri)) ?? 'local'
}
