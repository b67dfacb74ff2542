import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { DockerToolsError } from '#errors'
import { type ByteString, toByteString } from '#util'
import { encodeHeader } from './encode-header.ts'
import { readTarIndex } from './read-tar-index.ts'
import { readTar } from './read-tar.ts'
import type { TarDialect, TarEntry, TarHeader } from './tar-header.ts'
import { headers, wholeSeconds } from './header-arbitraries.test.ts'
import { chunked, collect, fileHeader, patched, refilled } from './test-support.test.ts'
import { writeTar } from './write-tar.ts'

/** Entries whose bodies are short, whatever the header said of the size. */
const entries: fc.Arbitrary<TarEntry> = fc
  .tuple(headers(wholeSeconds), fc.nat({ max: 1600 }))
  .map(([header, size]): TarEntry => {
    if (header.type !== 'file') return header
    const content = Buffer.alloc(size, header.path, 'latin1')
    return { ...header, size, open: () => chunked(content, 700) }
  })
const archives = fc.record({
  list: fc.array(entries, { maxLength: 6 }),
  dialect: fc.constantFrom<TarDialect>('pax', 'gnu', 'gnu-numeric'),
})

/** What reading should give back: names as they are stored, and what GNU tar leaves out is lost. */
function asRead(entry: TarEntry, dialect: TarDialect): object {
  const slash = entry.type === 'directory' && !entry.path.endsWith('/') ? '/' : ''
  const width = dialect === 'pax' ? 1000 : dialect === 'gnu' ? 31 : 0
  return {
    ...entry,
    path: entry.path + slash,
    uname: entry.uname.slice(0, width),
    gname: entry.gname.slice(0, width),
    open: undefined,
  }
}

function without(object: object, name: string): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name))
}

async function list(bytes: Uint8Array, size = 512): Promise<{ header: TarHeader; body: Buffer }[]> {
  const result = []
  for await (const member of readTar(refilled(bytes, size))) {
    result.push({ header: member.header, body: await collect(member.body()) })
  }
  return result
}

test('readTar() gives back what writeTar() was given, in chunks of any size', async () => {
  await fc.assert(
    fc.asyncProperty(archives, fc.integer({ min: 1, max: 3000 }), async ({ list: given, dialect }, size) => {
      const bytes = await collect(writeTar(given, dialect))
      const read = await list(bytes, size)
      const plain = read.map(({ header }) => without({ ...header, open: undefined }, 'paxRecords'))
      assert.deepEqual(
        plain,
        given.map((entry) => asRead(entry, dialect)),
      )
      for (const [index, entry] of given.entries()) {
        const expected = entry.type === 'file' ? await collect(entry.open()) : Buffer.alloc(0)
        assert.equal(read[index]?.body.compare(expected), 0)
      }
    }),
    { numRuns: 60 },
  )
})

test('readTarIndex() says of each member what readTar() says, and reads no large body', async () => {
  await fc.assert(
    fc.asyncProperty(archives, async ({ list: given, dialect }) => {
      const bytes = await collect(writeTar(given, dialect))
      const streamed = await Array.fromAsync(readTar(chunked(bytes, 1000)))
      const source = { read: async (offset: number, length: number) => bytes.subarray(offset, offset + length) }
      const indexed = await Array.fromAsync(readTarIndex(source))
      assert.deepEqual(
        indexed,
        streamed.map((member) => without(member, 'body')),
      )
    }),
    { numRuns: 50 },
  )
  const size = 2 ** 40
  const header = encodeHeader(fileHeader({ size }), 'pax')
  let bytesRead = 0
  const source = {
    async read(offset: number, length: number) {
      bytesRead += length
      const end = header.length + size + 10240
      const zeros = Buffer.alloc(Math.max(0, Math.min(length, end - offset)))
      if (offset < header.length) zeros.set(header.subarray(offset, offset + length))
      return zeros
    },
  }
  const members = await Array.fromAsync(readTarIndex(source))
  assert.deepEqual(
    members.map((member) => [member.bodyOffset, member.header.type === 'file' && member.header.size]),
    [[header.length, size]],
  )
  assert.ok(bytesRead < 500_000, `${bytesRead} bytes were read`)
})

test('readTar() says TRUNCATED wherever an archive is cut, and never gives a body that is too short', async () => {
  const given: TarEntry[] = [
    {
      ...fileHeader({ path: toByteString('x'.repeat(120)) }),
      size: 700,
      open: () => chunked(Buffer.alloc(700, 'a'), 512),
    },
    { ...fileHeader({ path: toByteString('é') }), type: 'directory' },
  ]
  for (const dialect of ['pax', 'gnu'] as const) {
    const bytes = await collect(writeTar(given, dialect))
    const end = bytes.findLastIndex((byte) => byte !== 0)
    const marker = Math.ceil(end / 512) * 512
    for (let length = 0; length <= marker; length += 61) {
      await assert.rejects(list(bytes.subarray(0, length)), { code: 'TRUNCATED' }, `${dialect} ${length}`)
      const source = {
        read: async (offset: number, count: number) => bytes.subarray(0, length).subarray(offset, offset + count),
      }
      await assert.rejects(Array.fromAsync(readTarIndex(source)), { code: 'TRUNCATED' }, `${dialect} ${length}`)
    }
    // One block of zeros is where other readers stop too, but half a block is cut short.
    await assert.rejects(list(bytes.subarray(0, marker + 100)), { code: 'TRUNCATED' })
    assert.equal((await list(bytes.subarray(0, marker + 512))).length, 2)
  }
})

test('readTar() survives any damage with a result or with one of our errors', async () => {
  const damage = fc.array(fc.tuple(fc.nat({ max: 4000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(archives, damage, fc.boolean(), async ({ list: given, dialect }, changes, keepChecksums) => {
      let bytes: Buffer = Buffer.from(await collect(writeTar(given, dialect)))
      for (const [offset, byte] of changes) {
        bytes[offset % bytes.length] = byte
        const block = Math.floor((offset % bytes.length) / 512) * 512
        if (keepChecksums) {
          bytes = Buffer.concat([
            bytes.subarray(0, block),
            patched(bytes.subarray(block, block + 512), {}),
            bytes.subarray(block + 512),
          ])
        }
      }
      try {
        await list(bytes)
      } catch (error) {
        assert.ok(error instanceof DockerToolsError, String(error))
        assert.match(error.code, /^(FORMAT_INVALID|FORMAT_UNSUPPORTED|TRUNCATED|LIMIT_EXCEEDED)$/)
        assert.match(error.message, /^Cannot read the tar archive: at byte \d+ /)
      }
    }),
    { numRuns: 300 },
  )
})

function entryOf2000(path: string): TarEntry {
  const content = Buffer.alloc(2000, path)
  return { ...fileHeader({ path: toByteString(path) }), size: 2000, open: () => chunked(content, 2000) }
}

test('readTar() skips what is not read of a body, and refuses to read it later', async () => {
  const bytes = await collect(writeTar(['a', 'b', 'c'].map(entryOf2000), 'pax'))
  const seen: string[] = []
  const bodies: AsyncIterable<Uint8Array>[] = []
  for await (const member of readTar(chunked(bytes, 700))) {
    seen.push(member.header.path)
    bodies.push(member.body())
    if (member.header.path === 'b') for await (const _ of member.body()) break
  }
  assert.deepEqual(seen, ['a', 'b', 'c'])
  for (const body of bodies) await assert.rejects(collect(body), { code: 'INTERNAL' })
})

test('readTar() reads its source to the end, so that a digest counts all of it', async () => {
  const archive = await collect(
    writeTar(
      [fileHeader() as TarEntry & { type: 'file' }].map((header) => ({
        ...header,
        open: () => chunked(Buffer.alloc(0), 1),
      })),
      'gnu',
    ),
  )
  const bytes = Buffer.concat([archive, Buffer.from('garbage'), archive])
  let hashed = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunked(bytes, 999)) {
      hashed += chunk.length
      yield chunk
    }
  }
  const members = await Array.fromAsync(readTar(counted()))
  assert.equal(members.length, 1)
  assert.equal(hashed, bytes.length)
  await assert.rejects(Array.fromAsync(readTar(counted(), { trailing: 'refuse' })), {
    code: 'FORMAT_INVALID',
    message: 'Cannot read the tar archive: at byte 512 the archive is marked to end, only zeros should follow',
  })
})

test('readTar() closes its source when it is stopped, and when it fails', async () => {
  let closed = 0
  async function* endless(block: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield block
    } finally {
      closed++
    }
  }
  for await (const member of readTar(endless(encodeHeader(fileHeader(), 'pax')))) {
    assert.equal(member.header.path, 'file')
    break
  }
  assert.equal(closed, 1)
  await assert.rejects(Array.fromAsync(readTar(endless(Buffer.alloc(512, 'x')))), { code: 'FORMAT_INVALID' })
  assert.equal(closed, 2)
  await assert.rejects(Array.fromAsync(readTar(endless(Buffer.alloc(65536)))), { code: 'LIMIT_EXCEEDED' })
  assert.equal(closed, 3)
})

test('readTar() needs no end marker where the caller says so', async () => {
  const block = encodeHeader(fileHeader(), 'pax')
  const members = await Array.fromAsync(readTar(chunked(block, 512), { endMarker: 'optional' }))
  assert.equal(members.length, 1)
  assert.deepEqual(await Array.fromAsync(readTar(chunked(Buffer.alloc(0), 1), { endMarker: 'optional' })), [])
  const cut = encodeHeader(fileHeader({ size: 1 }), 'pax')
  await assert.rejects(Array.fromAsync(readTar(chunked(cut, 512), { endMarker: 'optional' })), { code: 'TRUNCATED' })
  const source = { read: async (offset: number, length: number) => cut.subarray(offset, offset + length) }
  await assert.rejects(Array.fromAsync(readTarIndex(source, { endMarker: 'optional' })), { code: 'TRUNCATED' })
})

test('readTar() gives names as they are stored, however unsafe', async () => {
  const names = ['/etc/x', '../x', './a/../../b', 'C:..\\x', 'a//b', 'file/', ' ', '\xff'] as ByteString[]
  const bytes = Buffer.concat([...names.map((path) => encodeHeader(fileHeader({ path }), 'gnu')), Buffer.alloc(1024)])
  assert.deepEqual(
    (await list(bytes)).map(({ header }) => [header.type, header.path]),
    names.map((name) => ['file', name]),
  )
})
