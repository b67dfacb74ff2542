import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LayerCache, LayerWorkshop, type MeasuredLayer, type StoreLayerSpec, type WorkshopOptions } from '#layer'
import { byteStringToText } from '#util'
import { bytesOf, makeFolder, makeTree, pythonLayer, sha256, specOf } from './test-support.test.ts'

/** As if everything had been made long ago: nothing is too young for the cache. */
const LATER = (): number => Date.now() + 60_000
const MANY = 1024 ** 3

function workshop(options: Partial<WorkshopOptions> = {}): LayerWorkshop {
  return new LayerWorkshop({ threads: 2, now: LATER, totalSizeHint: MANY, ...options })
}

/** Measures layers and writes them in order, as the stream does. */
async function writeAll(shop: LayerWorkshop, specs: readonly StoreLayerSpec[], sizeHint: number): Promise<Buffer[]> {
  const measured = specs.map((spec, order) => shop.measure(spec, order, sizeHint))
  const written: Buffer[] = []
  for (const [order, promise] of measured.entries()) {
    shop.announceWriter(order, false)
    const layer: MeasuredLayer = await promise
    shop.announceWriter(order, true)
    const bytes = await bytesOf(layer)
    assert.equal(sha256(bytes), layer.digest)
    assert.equal(bytes.length, layer.size)
    written.push(bytes)
  }
  return written
}

test('a layer has the bytes that Python’s tarfile gives it, however it is made', async (t) => {
  const folder = makeFolder(t)
  const specs = ['a', 'b', 'c', 'd', 'e'].map((name) => specOf(makeTree(folder, name)))
  const together = specOf(...['f', 'g'].map((name) => makeTree(folder, name)))
  const all = [...specs, together]
  const inline = await using_(workshop({ totalSizeHint: 1 }), (shop) => writeAll(shop, all, 1))
  const kept = await using_(workshop(), (shop) => writeAll(shop, all, 1))
  const replayed = await using_(workshop(), (shop) => writeAll(shop, all, MANY))
  const alone = await using_(workshop({ threads: 1 }), (shop) => writeAll(shop, all, 1))
  for (const [index, spec] of all.entries()) {
    const expected = pythonLayer(spec) ?? inline[index]
    for (const [how, layers] of Object.entries({ inline, kept, replayed, alone })) {
      assert.deepEqual(sha256(layers[index] ?? Buffer.alloc(0)), sha256(expected ?? Buffer.alloc(1)), `${how} ${index}`)
    }
  }
})

test('layers of more bytes than the buffers hold come out whole, in order, with any number of threads', async (t) => {
  const folder = makeFolder(t)
  // 60 MB in 12 layers: above what may be kept, so that some wait and some are read again.
  const specs = Array.from({ length: 12 }, (_, index) => specOf(makeTree(folder, `n${index}`, 5_000_000)))
  const one = await using_(workshop({ threads: 1 }), (shop) => writeAll(shop, specs, 1))
  const three = await using_(workshop({ threads: 3 }), (shop) => writeAll(shop, specs, 1))
  assert.deepEqual(three.map(sha256), one.map(sha256))
})

test('layers that are measured while they are written have the same bytes, also two at once, and are remembered', async (t) => {
  const folder = makeFolder(t)
  const specs = ['a', 'b', 'c', 'd'].map((name) => specOf(makeTree(folder, name, 5_000_000)))
  const expected = await using_(workshop(), (shop) => writeAll(shop, specs, MANY))
  const cache = new LayerCache(join(folder, 'cache'))
  for (const [threads, writers] of [
    [1, 1],
    [1, 2],
    [3, 2],
  ] as const) {
    await using shop = workshop({ threads, writers, ...(writers === 2 && threads === 1 ? { cache } : {}) })
    const made = await Promise.all(
      specs.map(async (spec) => {
        const layer = await shop.make(spec)
        assert.ok(layer)
        const chunks: Buffer[] = []
        const measured = await layer.writeTo({ write: (chunk) => void chunks.push(Buffer.from(chunk)) })
        const again = measured.again?.()
        assert.ok(again)
        assert.equal(measured.digest, sha256(await bytesOf(again)))
        return Buffer.concat(chunks)
      }),
    )
    assert.deepEqual(made.map(sha256), expected.map(sha256), `${threads} ${writers}`)
  }
  await using later = workshop({ cache })
  const [spec] = specs
  assert.ok(spec)
  assert.equal(await later.make(spec), undefined)
  assert.equal((await later.measure(spec, 0, 1)).digest, sha256(expected[0] ?? Buffer.alloc(0)))
})

test('a layer that cannot be read is no layer, however it is made', async (t) => {
  const folder = makeFolder(t)
  const root = makeTree(folder, 'a')
  await using shop = workshop({ threads: 1 })
  const layer = await shop.make(specOf(root))
  rmSync(byteStringToText(root.physical), { recursive: true })
  await assert.rejects(Promise.resolve(layer?.writeTo({ write: () => undefined })), { code: 'FILE_UNREADABLE' })
})

test('with one thread, layers are measured after one was made, too', async (t) => {
  const folder = makeFolder(t)
  await using shop = workshop({ threads: 1, writers: 2 })
  const made = await shop.make(specOf(makeTree(folder, 'a')))
  await made?.writeTo({ write: () => undefined })
  const spec = specOf(makeTree(folder, 'b'))
  const layer = await shop.measure(spec, 0, MANY)
  assert.equal(sha256(await bytesOf(layer)), layer.digest)
})

test('whoever waits for a layer when the workshop is closed is told', async (t) => {
  const folder = makeFolder(t)
  const specs = ['a', 'b', 'c'].map((name) => specOf(makeTree(folder, name, 5_000_000)))
  const [first] = specs
  assert.ok(first)
  const shop = workshop({ threads: 1, writers: 2 })
  const measured = specs.map((spec, order) => shop.measure(spec, order, MANY))
  const made = await shop.make(first)
  // So slow that it does not get the last chunk.
  const written = made?.writeTo({ write: () => new Promise((resolve) => setTimeout(resolve, 300)) })
  const outcomes = Promise.allSettled([written, ...measured])
  await new Promise((resolve) => setTimeout(resolve, 100))
  await shop[Symbol.asyncDispose]()
  const codes = (await outcomes).map((outcome) =>
    outcome.status === 'fulfilled' ? 'done' : (outcome.reason as { code: string }).code,
  )
  assert.equal(codes[0], 'INTERRUPTED')
  for (const code of codes) assert.match(code, /^(?:done|INTERRUPTED)$/)
})

test('a remembered layer is not measured again, and gives the same bytes', async (t) => {
  const folder = makeFolder(t)
  const specs = [specOf(makeTree(folder, 'a')), specOf(makeTree(folder, 'b'))]
  const cache = new LayerCache(join(folder, 'cache'))
  const first = await using_(workshop({ cache }), (shop) => writeAll(shop, specs, 1))
  const remembered = readdirSync(join(folder, 'cache', 'layers-v1'))
  assert.equal(remembered.length, 2)
  const again = await using_(workshop({ cache }), (shop) => writeAll(shop, specs, 1))
  assert.deepEqual(again.map(sha256), first.map(sha256))

  // What is remembered is what is used: a false digest comes back as it is.
  for (const name of remembered) {
    const file = join(folder, 'cache', 'layers-v1', name)
    const entry = JSON.parse(await import('node:fs/promises').then((fs) => fs.readFile(file, 'utf8'))) as object
    writeFileSync(file, JSON.stringify({ ...entry, sha256: '0'.repeat(64) }))
  }
  const shop = workshop({ cache })
  const [spec] = specs
  assert.ok(spec)
  assert.equal((await shop.measure(spec, 0, 1)).digest, `sha256:${'0'.repeat(64)}`)
  await shop[Symbol.asyncDispose]()
})

test('a remembered layer is measured again once a file of it has changed, even to the same size and time', async (t) => {
  const folder = makeFolder(t)
  const root = makeTree(folder, 'a')
  const spec = specOf(root)
  const cache = new LayerCache(join(folder, 'cache'))
  await using_(workshop({ cache }), (shop) => writeAll(shop, [spec], 1))
  const file = join(byteStringToText(root.physical), 'share', 'f3')
  writeFileSync(file, 'y'.repeat(111))
  utimesSync(file, 1, 1)
  const [changed] = await using_(workshop({ cache }), (shop) => writeAll(shop, [spec], 1))
  assert.ok(changed?.includes('y'.repeat(111)))
})

test('a layer whose files are younger than the file system’s clock can tell is not remembered', async (t) => {
  const folder = makeFolder(t)
  const cache = new LayerCache(join(folder, 'cache'))
  const spec = specOf(makeTree(folder, 'a'))
  await using_(workshop({ cache, now: () => Date.now() }), (shop) => writeAll(shop, [spec], 1))
  assert.throws(() => readdirSync(join(folder, 'cache', 'layers-v1')), { code: 'ENOENT' })
})

test('a broken entry in the cache is as good as none', async (t) => {
  const folder = makeFolder(t)
  const cache = new LayerCache(join(folder, 'cache'))
  const spec = specOf(makeTree(folder, 'a'))
  const first = await using_(workshop({ cache }), (shop) => writeAll(shop, [spec], 1))
  for (const broken of ['', '{', 'null', '{"sha256":"x","size":1,"fingerprint":"y"}', '[]']) {
    for (const name of readdirSync(join(folder, 'cache', 'layers-v1'))) {
      writeFileSync(join(folder, 'cache', 'layers-v1', name), broken)
    }
    const again = await using_(workshop({ cache }), (shop) => writeAll(shop, [spec], 1))
    assert.deepEqual(again.map(sha256), first.map(sha256), broken)
  }
})

test('a file that changes between measuring and writing is noticed, whatever it keeps', async (t) => {
  const folder = makeFolder(t)
  const changes: Readonly<Record<string, (file: string) => void>> = {
    'same size and time': (file) => {
      writeFileSync(file, 'z'.repeat(185))
      utimesSync(file, 1, 1)
    },
    grown: (file) => appendFileSync(file, 'more'),
    shrunk: (file) => writeFileSync(file, 'less'),
    vanished: (file) => rmSync(file),
  }
  for (const [how, change] of Object.entries(changes)) {
    const root = makeTree(folder, how.replaceAll(' ', '-'))
    const shop = workshop()
    // A large hint: the layer is not kept but read again.
    const layer = await shop.measure(specOf(root), 0, MANY)
    change(join(byteStringToText(root.physical), 'share', 'f5'))
    await assert.rejects(bytesOf(layer), { code: 'FILE_CHANGED', message: /f5/ }, how)
    await shop[Symbol.asyncDispose]()
  }
})

test('a failure names the file and its code, and leaves the other layers alone', async (t) => {
  const folder = makeFolder(t)
  const good = specOf(makeTree(folder, 'good'))
  const missing = {
    ...good,
    roots: good.roots.map((root) => ({ ...root, physical: `${root.physical}-gone` as never })),
  }
  const shop = workshop()
  const [bad, fine] = [shop.measure(missing, 0, 1), shop.measure(good, 1, 1)]
  await assert.rejects(bad, { code: 'FILE_UNREADABLE', message: /good-gone/ })
  assert.equal(sha256(await bytesOf(await fine)), (await fine).digest)
  await shop[Symbol.asyncDispose]()
})

test('local files get the modes of a store', async (t) => {
  const folder = makeFolder(t)
  const root = makeTree(folder, 'a')
  const shop = workshop({ totalSizeHint: 1 })
  const bytes = await bytesOf(await shop.measure(specOf({ ...root, canonicalModes: true }), 0, 1))
  await shop[Symbol.asyncDispose]()
  const modeOf = (name: string): string => {
    const at = bytes.indexOf(`${root.logical}${name}\0`)
    assert.ok(at >= 0, name)
    return bytes.toString('latin1', at + 100, at + 107)
  }
  assert.equal(modeOf('/bin/'), '0000555')
  assert.equal(modeOf('/bin/program'), '0000555')
  assert.equal(modeOf('/share/f1'), '0000444')
  assert.equal(modeOf('/bin/link'), '0000777')
})

async function using_<T>(shop: LayerWorkshop, work: (shop: LayerWorkshop) => Promise<T>): Promise<T> {
  await using owned = shop
  return await work(owned)
}
