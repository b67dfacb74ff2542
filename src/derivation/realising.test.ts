import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Built,
  derivation,
  fetchurl,
  isRealisable,
  placeholderOf,
  REALISE,
  type Realisable,
  type RealiseSession,
  runCommand,
  storePath,
  symlinkJoin,
  writeText,
  writeTextFile,
} from '#derivation'
import { probeIsolation } from '#runner'
import { hashBytes, formatHash, type StorePath } from '#store'
import { needs, needsRoot } from '../../test/support/places.ts'
import { commandLines, failsWith, openWorkshop, startProgram } from './test-support.test.ts'

const isolation = await probeIsolation()
const needsIsolation = { skip: isolation.isAvailable ? false : `no namespaces here: ${isolation.reason}` }

/** A command that notes in a file outside the store that it ran, by way of its log. */
function counted(name: string, inputs: readonly Built[] = []): Built {
  return runCommand({ name, env: { inputs }, script: `echo "ran ${name}"; echo ${name} > $out` })
}

test('what several things use is built once, and not again when it is there', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const base = counted('base')
  const both = counted('both', [counted('left', [base]), counted('right', [base])])
  const ran = (): string[] =>
    shop.events.flatMap((event) => (event.type === 'script-output' ? event.text.trim().split('\n') : [])).toSorted()
  await shop.realise(both)
  assert.deepEqual(ran(), ['ran base', 'ran both', 'ran left', 'ran right'])
  await shop.realise(both)
  await shop.realise(counted('both', [counted('left', [base]), counted('right', [base])]))
  assert.equal(ran().length, 4)
})

test('two processes that want the same build it once', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const program = `import { openRealiseSession, runCommand } from '#derivation'
    import { withReporter } from '#events'
    import { openWritableStore } from '#store'
    const store = openWritableStore('local:${shop.root}')
    const slow = runCommand('slow', {}, 'echo built; sleep 1; echo $RANDOM > $out')
    const report = (event) => event.type === 'script-output' && process.stdout.write(event.text)
    const session = openRealiseSession({ store, writable: store })
    console.log(await withReporter(report, () => session.realise(slow)))
    await store[Symbol.asyncDispose]()`
  const outputs = await Promise.all(
    [startProgram(program), startProgram(program), startProgram(program)].map(async (child) => {
      let text = ''
      child.stdout!.setEncoding('utf8').on('data', (part: string) => (text += part))
      const [code] = (await once(child, 'close')) as [number]
      assert.equal(code, 0)
      return text
    }),
  )
  assert.equal(outputs.join('').split('built\n').length - 1, 1, outputs.join(''))
  assert.equal(new Set(outputs.map((text) => text.trim().split('\n').at(-1))).size, 1)
})

test('made again, what is the same is confirmed and what is not is named', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const same = runCommand('same', {}, 'mkdir $out; echo x > $out/x; echo $out > $out/self')
  const other = runCommand(
    'other',
    {},
    'mkdir -p $out/a $out/d; echo fix > $out/a/f; echo "at: $(date +%N)" > $out/d/time',
  )
  await shop.realise(same)
  const first = readFileSync(join(await shop.realise(other), 'd/time'), 'utf8')
  await shop.session().realise(same, { isRebuild: true })
  await assert.rejects(
    shop.session().realise(other, { isRebuild: true }),
    failsWith('NOT_REPRODUCIBLE', '"d/time"', 'byte ', '-other"'),
  )
  assert.equal(readFileSync(join(await shop.realise(other), 'd/time'), 'utf8'), first)
  const join2 = symlinkJoin({ name: 'joined', paths: [same] })
  await shop.realise(join2)
  await shop.session().realise(join2, { isRebuild: true })
})

test('content that is fixed is compared, and the error has both hashes', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const hash = formatHash(hashBytes('sha256', 'hello'), 'sri')
  const make = (content: string, more: Record<string, string> = {}): Built =>
    derivation({
      name: 'fixed',
      builder: '/bin/sh',
      args: ['-c', `printf ${content} > $out`],
      outputHash: hash,
      ...more,
    })
  const wrong = formatHash(hashBytes('sha256', 'wrong'), 'sri')
  await assert.rejects(shop.realise(make('wrong')), failsWith('DIGEST_MISMATCH', hash, wrong))
  assert.equal(readFileSync(await shop.realise(make('hello')), 'utf8'), 'hello')
  // The path follows from the content: how it is made makes no difference any more.
  assert.equal(readFileSync(await shop.realise(make('wrong')), 'utf8'), 'hello')
  const folder = derivation({ name: 'dir', builder: '/bin/sh', args: ['-c', '/bin/mkdir $out'], outputHash: hash })
  await assert.rejects(shop.realise(folder), failsWith('OUTPUT_INVALID', 'no file'))
})

test('fetchurl takes what has the right hash, from the next URL where one fails', async () => {
  await using shop = await openWorkshop()
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    response.statusCode = request.url === '/file.txt' ? 200 : 404
    response.end('content')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const sha256 = formatHash(hashBytes('sha256', 'content'), 'hex')
  try {
    const made = await shop.realise(
      fetchurl({ urls: [`${base}/gone.txt`, `${base}/file.txt`], sha256, name: 'file.txt' }),
    )
    assert.equal(readFileSync(made, 'utf8'), 'content')
    assert.deepEqual(asked, ['/gone.txt', '/file.txt'])
    await assert.rejects(
      shop.realise(fetchurl({ url: `${base}/file.txt`, sha256: '0'.repeat(64) })),
      failsWith('DIGEST_MISMATCH', 'sha256-AAAA'),
    )
    await assert.rejects(
      shop.realise(fetchurl({ url: `${base}/gone.txt`, sha256 })),
      failsWith('TRANSFER_FAILED', '404'),
    )
    assert.throws(() => fetchurl({ url: `${base}/file.txt` }), failsWith('DEFINITION_INVALID', 'has no hash'))
  } finally {
    server.close()
  }
})

test('Nix fetches and names the same as fetchurl', needs('nix-instantiate'), async () => {
  await using shop = await openWorkshop()
  const hash = 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='
  const url = 'http://127.0.0.1:1/hello'
  for (const executable of [false, true]) {
    writeFileSync(
      join(shop.path, 'fetch.nix'),
      `import <nix/fetchurl.nix> { url = "${url}"; hash = "${hash}"; executable = ${executable}; }`,
    )
    const drv = shop.nix('nix-instantiate', join(shop.path, 'fetch.nix')).trim()
    const value = fetchurl({ url, hash, executable })
    assert.equal((await value[REALISE].derivation?.asInput(shop.session()))?.path, drv)
  }
})

test('a text has the path that Nix gives it, with its references', needs('nix-instantiate'), async () => {
  await using shop = await openWorkshop()
  const inner = writeText('inner', 'ä\n')
  const outer = writeText('outer', `see ${inner}`)
  const session = shop.session()
  const path = await session.realise(outer)
  const expression = 'builtins.toFile "outer" "see ${builtins.toFile "inner" "ä\\n"}"'
  assert.equal(shop.nix('nix-instantiate', '--eval', '-E', expression).trim(), JSON.stringify(path))
  assert.deepEqual((await shop.store.pathInfo(path)).references, [await session.outPath(inner)])
})

test('a chain of five thousand needs no deep stack, and those that need each other are told', async () => {
  await using shop = await openWorkshop()
  let last = derivation({ name: 'first', builder: '/bin/sh' })
  for (let index = 0; index < 5000; index++) last = derivation({ name: 'next', builder: '/bin/sh', before: last })
  assert.match(await shop.session().outPath(last), /-next$/)
  const values: Realisable[] = []
  const circular = (index: number): Realisable => ({
    [REALISE]: {
      name: `v${index}`,
      outPath: () => Promise.resolve('/nix/store/x' as StorePath),
      realise: async (session: RealiseSession) => await session.realise(values[(index + 1) % 3]!),
    },
  })
  values.push(circular(0), circular(1), circular(2))
  assert.ok(values.every(isRealisable))
  const session = shop.session()
  const results = await Promise.allSettled(values.map((value) => session.realise(value)))
  for (const result of results) {
    assert.equal(result.status, 'rejected')
    assert.ok(failsWith('DEFINITION_INVALID', 'in a circle')(result.reason))
  }
})

test(
  'an installed Nix builds the same derivations into the same store',
  { skip: needsRoot.skip || needs('nix-store').skip },
  async () => {
    await using shop = await openWorkshop()
    process.env['NIX_CONF_DIR'] = join(shop.path, 'conf')
    const text = writeTextFile({ name: 'text', text: 'of our own', destination: '/t' })
    const lib = runCommand('lib', {}, `cat ${text}/t > $out`)
    const app = runCommand('app', {}, `mkdir $out; cat ${lib} > $out/lib; ln -s ${lib} $out/link`)
    const made = await shop.realise(app, { builder: 'nix' })
    assert.equal(readFileSync(join(made, 'lib'), 'utf8'), 'of our own')
    assert.ok(shop.events.some((event) => event.type === 'script-output' && event.step.startsWith('nix-store')))
    assert.deepEqual((await shop.store.verify({ checksContents: true })).faults, [])
    await shop.session({ builder: 'nix' }).realise(app, { isRebuild: true })
    await shop.session().realise(app, { isRebuild: true })
    const failing = runCommand('failing', {}, 'echo because >&2; exit 7')
    await assert.rejects(shop.realise(failing, { builder: 'nix' }), failsWith('SCRIPT_FAILED', 'because'))
  },
)

test('a path that no store has is told, as is one that is none', async () => {
  await using shop = await openWorkshop()
  const gone = `/nix/store/${'0'.repeat(32)}-gone`
  await assert.rejects(shop.realise(storePath(gone)), failsWith('STORE_PATH_MISSING', gone))
  await assert.rejects(shop.realise(storePath('/etc/passwd')), failsWith('STORE_PATH_INVALID'))
  await assert.rejects(shop.realise(symlinkJoin({ name: 'x', paths: [gone] })), failsWith('STORE_PATH_MISSING', gone))
  await assert.rejects(
    shop.realise(symlinkJoin({ name: 'x', paths: ['./gone'] })),
    failsWith('FILE_UNREADABLE', 'gone'),
  )
})

test('when one of several fails, the others have ended before the failure is told', async () => {
  await using shop = await openWorkshop()
  let isAtWork = false
  const fails: Realisable = {
    [REALISE]: {
      name: 'fails',
      outPath: () => Promise.reject(new Error('the reason')),
      realise: () => Promise.reject(new Error('the reason')),
    },
    toString: () => placeholderOf(fails),
  }
  const writes: Realisable = {
    [REALISE]: {
      name: 'writes',
      outPath: async (session) => {
        isAtWork = true
        await delay(50)
        isAtWork = false
        return await session.writable.addText('late', '', [])
      },
      realise: async (session) => await session.outPath(writes),
    },
    toString: () => placeholderOf(writes),
  }
  for (const value of [
    writeText('text', `${fails}${writes}`),
    runCommand('command', {}, `${fails}${writes}`),
    symlinkJoin({ name: 'joined', paths: [fails, writes] }),
  ]) {
    await assert.rejects(shop.session().realise(value), /the reason/)
    assert.ok(!isAtWork)
  }
})

test('a builder is stopped when another has failed', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const slow = runCommand('slow', {}, 'echo slow; sleep 4711.0818')
  const fails = runCommand('fails', {}, 'echo "the reason" >&2; sleep 0.3; exit 3')
  await assert.rejects(
    shop.realise(runCommand('both', {}, `cat ${slow} ${fails}`), { jobs: 2 }),
    failsWith('SCRIPT_FAILED', '"fails"', 'the reason'),
  )
  assert.ok(!commandLines().includes('sleep 4711.0818'), 'it is gone')
})
