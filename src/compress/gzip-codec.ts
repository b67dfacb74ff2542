import { report } from '#events'
import { zlibIsTheUsualOne } from './known-answer.ts'

/** The codec that gives the bytes gz should have in this Node: zlib, or pako with a warning. */
export function gzipCodec(isUsual: boolean = zlibIsTheUsualOne()): 'zlib' | 'pako' {
  if (isUsual) return 'zlib'
  report({
    type: 'warning',
    code: 'ZLIB_DIFFERS',
    message:
      "This Node's zlib gives other bytes than the usual one; gz is compressed in JavaScript to get the same bytes, which takes twice as long",
  })
  return 'pako'
}
