import type { ByteString } from '#util'

/** What the tokens in a path stand for; a path with one that is undefined is not looked at. */
export interface Tokens {
  readonly origin: ByteString
  readonly lib: ByteString | undefined
  readonly platform: ByteString | undefined
}

/** `$ORIGIN`, `${ORIGIN}` and so on. A longer word is no token. */
const TOKEN = /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g

/**
 * Replaces the tokens in a path of an ELF file.
 *
 * @returns Undefined where one of them stands for nothing that is known.
 * @see man 8 ld.so, "Dynamic string tokens"
 */
export function expandTokens(path: ByteString, tokens: Tokens): ByteString | undefined {
  let isKnown = true
  const expanded = path.replaceAll(TOKEN, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare
    const value = name === 'ORIGIN' ? tokens.origin : name === 'LIB' ? tokens.lib : tokens.platform
    isKnown &&= value !== undefined
    return value ?? ''
  })
  return isKnown ? (expanded as ByteString) : undefined
}
