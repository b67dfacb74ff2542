import { createHash } from 'node:crypto'
import { deflateWithZlib } from './deflate-block.ts'
import { compressZstdFrame } from './zstd-frame.ts'
import type { BlockJob, PackBlock } from './block-job.ts'

/** SHA-256 of the question deflated by Chromium's zlib, which is what Node's own builds have inside. */
export const DEFLATE_ANSWER = '440a095dfc6d788e1e1397673b12fa7c60d7e322a9f45836da278b12d2800e79'
/** SHA-256 of the question compressed by zstd 1.5.7. */
export const ZSTD_ANSWER = 'c9b3993f6419f435111d6cc15e540199e61a44bc6d0f5e1fe2ec61f2e2d76666'

const QUESTION_BYTES = 48 * 1024
const DICTIONARY_BYTES = 32 * 1024

let zlibAnswer: boolean | undefined
let zstdAnswer: boolean | undefined

/**
 * Whether node:zlib deflates to the bytes it should. It does not in a Node that
 * was built with the system's zlib, as Debian and Nix do it.
 */
export function zlibIsTheUsualOne(): boolean {
  zlibAnswer ??= answersWith(deflateWithZlib, DEFLATE_ANSWER)
  return zlibAnswer
}

/** Whether node:zlib's zstd gives the bytes it should. A new release of zstd may not. */
export function zstdIsTheUsualOne(): boolean {
  zstdAnswer ??= answersWith(compressZstdFrame, ZSTD_ANSWER)
  return zstdAnswer
}

/** Whether `packBlock` gives the known answer: with a dictionary and a flush, then without and to the end. */
export function answersWith(packBlock: PackBlock, answer: string): boolean {
  const hash = createHash('sha256')
  for (const job of knownQuestions()) hash.update(packBlock(job))
  return hash.digest('hex') === answer
}

/**
 * Text-like bytes with repeats near and far, from a fixed rule: the match
 * finders of the known zlibs go different ways on it.
 */
export function knownQuestions(): readonly BlockJob[] {
  const bytes = new Uint8Array(DICTIONARY_BYTES + QUESTION_BYTES)
  let state = 1
  for (let position = 0; position < bytes.length;) {
    state = (state * 48271) % 0x7fffffff
    const length = 3 + (state % 29)
    const distance = 1 + ((state >> 8) % 20000)
    const isRepeat = distance <= position && state % 3 !== 0
    const end = Math.min(position + length, bytes.length)
    for (; position < end; position++) {
      state = (state * 48271) % 0x7fffffff
      bytes[position] = isRepeat ? bytes[position - distance]! : 97 + (state % 23)
    }
  }
  const dictionary = bytes.subarray(0, DICTIONARY_BYTES)
  const input = bytes.subarray(DICTIONARY_BYTES)
  return [
    { input, dictionary, isLast: false },
    { input, dictionary: new Uint8Array(0), isLast: true },
  ]
}
