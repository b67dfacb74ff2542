import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Built, findPlaceholders, replacePlaceholders, writeText } from '#derivation'
import { binSh, caCertificates, fakeNss, makeShadowSetup, shadowSetup, usrBinEnv } from '#docker-tools'
import { type BuildEvent, withReporter } from '#events'
import { hostProgram } from '#packages'
import type { StorePath } from '#store'
import { failsWith, makeRoom, needs, type Room, runInRoot } from '../../src/packages/test-support.test.ts'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'

interface GoldenEntry {
  readonly path: string
  readonly type: string
  readonly target?: string
  readonly targetText?: string
}

const HASH_PART = /\/nix\/store\/[a-z0-9]{32}-/g

/** The tree of a store path in the form of the recorded ones; hash parts are free. */
async function treeOf(room: Room, path: StorePath): Promise<GoldenEntry[]> {
  const entries: GoldenEntry[] = []
  for await (const entry of room.session.store.entries(path)) {
    if (entry.type !== 'symlink') {
      entries.push({ path: entry.path, type: entry.type })
      continue
    }
    const targetText = await textAt(room, entry.target)
    entries.push({
      path: entry.path,
      type: 'symlink',
      target: entry.target,
      ...(targetText === undefined ? {} : { targetText }),
    })
  }
  return entries
}

/** The text behind a link into the store, unless it is a program. */
async function textAt(room: Room, target: string): Promise<string | undefined> {
  const [, root = '', below = ''] = /^(\/nix\/store\/[^/]+)\/(.*)$/.exec(target) ?? []
  for await (const entry of room.session.store.entries(root as StorePath)) {
    if (entry.path !== below || entry.type !== 'file' || below.startsWith('bin/')) continue
    const parts: Uint8Array[] = []
    for await (const chunk of entry.open()) parts.push(Buffer.from(chunk))
    return Buffer.concat(parts).toString()
  }
  return undefined
}

const HELPERS: Readonly<Record<string, (args: never) => Built>> = { fakeNss, usrBinEnv, binSh, caCertificates }

for (const [name, helper] of Object.entries(HELPERS)) {
  test(`${name} makes the recorded tree`, skipWithoutGolden, async () => {
    await using room = await makeRoom({ stores: [GOLDEN_STORE], storeOptions: { checkSignatures: false } })
    const recorded = JSON.parse(readFileSync(`${GOLDEN}visible/tree-${name}/case.json`, 'utf8')) as {
      readonly args: never
      readonly derived: { readonly outPath: string }
      readonly expect: { readonly tree: readonly GoldenEntry[] }
    }
    const path = await room.session.realise(helper(recorded.args))
    const free = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value).replaceAll(HASH_PART, '/nix/store/HASH-'))
    assert.deepEqual(free(await treeOf(room, path)), free(recorded.expect.tree))
    assert.equal(free(path), free(recorded.derived.outPath))
  })
}

test('fakeNss has its lines between those of root and nobody', async () => {
  await using room = await makeRoom()
  const built = fakeNss({ extraPasswdLines: ['a:x:1:1::/:/bin/sh', 'b:x:2:2::/:/bin/sh'], extraGroupLines: ['g:x:9:'] })
  const tree = await treeOf(room, await room.session.realise(built))
  const text = (path: string): string | undefined => tree.find((entry) => entry.path === path)?.targetText
  assert.equal(
    text('etc/passwd'),
    'root:x:0:0:root user:/var/empty:/bin/sh\na:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\nnobody:x:65534:65534:nobody:/var/empty:/bin/sh\n',
  )
  assert.equal(text('etc/group'), 'root:x:0:\ng:x:9:\nnobody:x:65534:\n')
})

const glibc = needs('unshare', 'chroot', '/lib64/ld-linux-x86-64.so.2')
const NO_NIX = { environment: { PATH: '/var/empty' } }

test('a root of helpers alone, taken from this machine, runs a script by /usr/bin/env', glibc, async () => {
  const events: BuildEvent[] = []
  await using room = await makeRoom({ storeOptions: NO_NIX })
  const contents = [usrBinEnv(), binSh(), fakeNss()]
  const command = ['/usr/bin/env', '-i', 'A=1', '/bin/sh', '-c', 'echo $A ~root ~nobody; test -d /var/empty; echo $?']
  const result = await withReporter(
    (event) => void events.push(event),
    () => runInRoot(room, contents, command),
  )
  assert.deepEqual(result, { status: 0, stdout: '1 /var/empty /var/empty\n0\n', stderr: '' })
  const warnings = events.filter((event) => event.type === 'warning').map(({ code, message }) => `${code} ${message}`)
  assert.deepEqual(
    warnings.filter((text) => text.startsWith('HOST')).toSorted((a, b) => (a < b ? -1 : 1)),
    [
      'HOST_PACKAGE binSh takes bash from this machine: the result may be another on another machine',
      'HOST_PACKAGE usrBinEnv takes coreutils from this machine: the result may be another on another machine',
    ],
  )
})

test('a program of this machine that is given is linked with what it needs', glibc, async () => {
  await using room = await makeRoom()
  const result = await runInRoot(room, [binSh({ bash: hostProgram('/bin/bash') })], ['/bin/sh', '-c', 'echo ok'])
  assert.deepEqual(result, { status: 0, stdout: 'ok\n', stderr: '' })
})

test(
  'caCertificates takes the bundle of this machine where nothing else is',
  needs('/etc/ssl/certs/ca-certificates.crt'),
  async () => {
    await using room = await makeRoom({ storeOptions: NO_NIX })
    const tree = await treeOf(room, await room.session.realise(caCertificates()))
    const bundle = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8')
    const links = tree.filter(({ type }) => type === 'symlink')
    assert.deepEqual(
      links.map(({ path }) => path),
      ['etc/pki/tls/certs/ca-bundle.crt', 'etc/ssl/certs/ca-bundle.crt', 'etc/ssl/certs/ca-certificates.crt'],
    )
    for (const { path, targetText } of links) assert.ok(targetText === bundle, path)
  },
)

test('helpers point to what the lock file names before they look at this machine', skipWithoutGolden, async () => {
  await using lab = await makeRoom()
  const { bash } = JSON.parse(readFileSync(`${GOLDEN}packages.json`, 'utf8')) as { readonly bash: string }
  const closure = JSON.parse(readFileSync(`${GOLDEN}closure.json`, 'utf8')) as readonly {
    path: string
    narHash: string
  }[]
  symlinkSync(`${GOLDEN}cache`, join(lab.path, 'cache'))
  const narHash = closure.find(({ path }) => path === bash)!.narHash
  const packages = { bash: { storePath: bash, narHash, cache: './cache' } }
  writeFileSync(join(lab.path, 'dockertools.lock.json'), JSON.stringify({ version: 1, packages }))
  await using room = await makeRoom({ baseDirectory: lab.path, storeOptions: { ...NO_NIX, checkSignatures: false } })
  const tree = await treeOf(room, await room.session.realise(binSh()))
  assert.equal(tree.find(({ path }) => path === 'bin/sh')?.target, `${bash}/bin/bash`)
})

test("shadowSetup is upstream's script, with shadow and the shell looked up when it is used", async () => {
  await using room = await makeRoom({ storeOptions: NO_NIX })
  assert.equal(findPlaceholders(shadowSetup).size, 2)
  const used = writeText({ name: 'script', text: makeShadowSetup({ shell: '/bin/sh' }) })
  await assert.rejects(
    room.session.realise(used),
    failsWith('PACKAGE_MISSING', /^Cannot choose shadow for shadowSetup: Nix is not installed/),
  )
})

test(
  'what shadowSetup does in a root: files of users and groups, those that are there left alone',
  needs('bash', 'unshare'),
  async () => {
    await using room = await makeRoom()
    const script = makeShadowSetup({ shadow: '/nix/store/00000000000000000000000000000000-shadow', shell: '/bin/bash' })
    const etc = join(room.path, 'etc')
    mkdirSync(etc)
    writeFileSync(join(etc, 'group'), 'own:x:5:\n')
    const mount = 'mount --bind "$1" /etc && eval "$2" && echo "$PATH"'
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', '--mount', 'bash', '--norc', '-ec', mount, 'bash', etc, script],
      {
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin' },
      },
    )
    assert.equal(stderr, '')
    assert.equal(stdout, '/nix/store/00000000000000000000000000000000-shadow/bin:/usr/bin:/bin\n')
    const text = (name: string): string => readFileSync(join(etc, name), 'utf8')
    assert.equal(text('passwd'), 'root:x:0:0::/root:/bin/bash\n')
    assert.equal(text('shadow'), 'root:!x:::::::\n')
    assert.equal(text('group'), 'own:x:5:\n')
    assert.match(
      text('pam.d/other'),
      /^account sufficient pam_unix\.so\nauth sufficient pam_rootok\.so\npassword requisite pam_unix\.so nullok yescrypt\nsession required pam_unix\.so\n$/,
    )
    assert.equal(text('login.defs'), '')
    assert.equal(replacePlaceholders(script, new Map()), script)
  },
)

test('helpers refuse arguments that they do not know', () => {
  assert.throws(
    () => binSh({ bsh: '/x' } as never),
    failsWith('DEFINITION_INVALID', /no argument "bsh", the nearest is "bash"/),
  )
  assert.throws(
    () => fakeNss({ extraPasswdLines: 'x' } as never),
    failsWith('DEFINITION_INVALID', /should be a list of lines/),
  )
  assert.throws(() => usrBinEnv({ coreutils: 5 } as never), failsWith('DEFINITION_INVALID', /argument "coreutils"/))
  assert.throws(() => makeShadowSetup({ shell: 'a"b' }), failsWith('DEFINITION_INVALID', /argument "shell"/))
})
