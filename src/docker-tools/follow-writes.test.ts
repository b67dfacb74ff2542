import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { followWrites, WriteProgress } from './follow-writes.ts'

/** Bytes that are written piece by piece, and can be read as far as they are there. */
function makeWriter() {
  const progress = new WriteProgress()
  let there = Buffer.alloc(0)
  return {
    progress,
    write(piece: Uint8Array): void {
      there = Buffer.concat([there, piece])
      progress.add(piece.length)
    },
    follow: () => followWrites(progress, (target, position) => there.copy(target, 0, position)),
  }
}

test('readers get every byte once and in order, however writing and reading take turns', async () => {
  const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 400_000 }), fc.boolean()), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 0, max: 3 }), async (sizes, pause) => {
      const writer = makeWriter()
      const read = async (): Promise<Buffer> => {
        const chunks: Buffer[] = []
        for await (const chunk of writer.follow()) {
          for (let turn = 0; turn < pause; turn++) await nextTurn()
          chunks.push(Buffer.from(chunk))
        }
        return Buffer.concat(chunks)
      }
      const early = read()
      let all = Buffer.alloc(0)
      for (const [index, [size, isSlow]] of sizes.entries()) {
        const piece = Buffer.alloc(size, index + 1)
        writer.write(piece)
        all = Buffer.concat([all, piece])
        if (isSlow) await nextTurn()
      }
      writer.progress.end('whole')
      assert.ok((await early).equals(all))
      assert.ok((await read()).equals(all))
    }),
    { numRuns: 60 },
  )
})

test('a reader whose writer gives up is told, and one whose bytes are gone, too', async () => {
  const writer = makeWriter()
  writer.write(Buffer.from('some'))
  const reader = writer.follow()
  assert.equal(String((await reader.next()).value), 'some')
  const waiting = reader.next()
  writer.progress.end('dropped')
  await assert.rejects(waiting, { code: 'INTERRUPTED' })
  // The first word counts.
  writer.progress.end('whole')
  await assert.rejects(writer.follow().next(), { code: 'INTERRUPTED' })

  const progress = new WriteProgress()
  progress.add(1)
  await assert.rejects(followWrites(progress, () => 0).next(), { code: 'FILE_CHANGED' })
})
