import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { makeFileWriter } from './file-writer.ts'
import { makeTempDir } from './make-temp-dir.ts'

describe('makeFileWriter', () => {
  test('writes chunks of any size in order, though the caller fills one buffer again and again', async () => {
    await using folder = await makeTempDir('dockertools-test-')
    const lengths = fc.array(fc.oneof(fc.nat(3000), fc.integer({ min: 500_000, max: 3_000_000 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(lengths, async (sizes) => {
        const path = join(folder.path, 'file')
        const fd = openSync(path, 'w')
        const writer = makeFileWriter(fd)
        const buffer = Buffer.alloc(3_000_000)
        const expected: Buffer[] = []
        for (const [index, size] of sizes.entries()) {
          const chunk = buffer.subarray(0, size).fill(`chunk ${index},`)
          expected.push(Buffer.from(chunk))
          await writer.write(chunk)
        }
        await writer.finish()
        closeSync(fd)
        assert.ok(readFileSync(path).equals(Buffer.concat(expected)))
      }),
      { numRuns: 30 },
    )
  })

  test('an error of the system ends it: at a later write, and always at the end', async () => {
    const fd = openSync('/dev/full', 'w')
    const writer = makeFileWriter(fd)
    const chunk = Buffer.alloc(700_000)
    await assert.rejects(
      async () => {
        for (let round = 0; round < 100; round++) await writer.write(chunk)
      },
      { code: 'ENOSPC' },
    )
    await assert.rejects(writer.finish(), { code: 'ENOSPC' })
    closeSync(fd)
  })

  test('an error of what was written last shows at the end', async () => {
    const fd = openSync('/dev/full', 'w')
    const writer = makeFileWriter(fd)
    await writer.write(Buffer.from('a few bytes'))
    await assert.rejects(writer.finish(), { code: 'ENOSPC' })
    closeSync(fd)
  })
})
