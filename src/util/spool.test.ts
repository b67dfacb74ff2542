import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeSpool, makeTempDir } from '#util'

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source))
}

test('a spool gives back what was written, from anywhere, in memory and on disk', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(chunks, fc.nat(120), fc.nat(500), fc.nat(500), async (parts, memory, offset, length) => {
      await using spool = makeSpool(memory)
      for (const part of parts) {
        const lent = Uint8Array.from(part)
        await spool.write(lent)
        // The chunk is the writer's again.
        lent.fill(0)
      }
      const whole = Buffer.concat(parts)
      assert.equal(spool.size, whole.length)
      assert.deepEqual(await collect(spool.read()), whole)
      assert.deepEqual(Buffer.from(await spool.readAt(offset, length)), whole.subarray(offset, offset + length))
      const end = Math.min(offset, whole.length)
      assert.deepEqual(await collect(spool.read(end)), whole.subarray(end))
    }),
    { numRuns: 60 },
  )
})

test('a spool on disk has no name there, and its content can be read while it grows', async () => {
  await using temp = await makeTempDir('spool-test-')
  mkdirSync(`${temp.path}/tmp`)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = `${temp.path}/tmp`
  try {
    await using spool = makeSpool(10)
    await spool.write(Buffer.from('in memory'))
    await spool.write(Buffer.from(' and then on disk'))
    assert.deepEqual(readdirSync(`${temp.path}/tmp`), [])
    assert.equal((await collect(spool.read())).toString(), 'in memory and then on disk')
    await spool.write(Buffer.alloc(3_000_000, 'x'))
    assert.equal((await collect(spool.read(26))).length, 3_000_000)
    assert.equal(spool.size, 3_000_026)
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
})

test('several readers of one spool do not disturb each other', async () => {
  await using spool = makeSpool(0)
  await spool.write(Buffer.alloc(2_500_000, 'abcdefg'))
  const [first, second] = [spool.read(), spool.read(7)]
  const a = (await first.next()).value as Uint8Array
  const b = (await second.next()).value as Uint8Array
  assert.equal(Buffer.from(a).toString('latin1', 0, 7), 'abcdefg')
  assert.ok(Buffer.from(a.subarray(0, 1000)).equals(b.subarray(0, 1000)))
  await first.return(undefined)
  assert.equal((await collect(second)).length, 2_500_000 - 7 - b.length)
})

test('who reads along is not disturbed when a spool goes from memory to disk', async () => {
  await using spool = makeSpool(1024 * 1024)
  const chunk = Buffer.alloc(400_000, 'x')
  await spool.write(chunk)
  await spool.write(chunk)
  const moving = Promise.resolve(spool.write(chunk))
  const target = Buffer.alloc(1000)
  for (let turn = 0; turn < 200; turn++) {
    assert.equal(spool.readNow(target.fill(0), 799_000), 1000)
    assert.ok(target.equals(chunk.subarray(0, 1000)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await moving
  assert.equal(spool.readNow(target, 1_199_000), 1000)
})
