import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { derivationOutputPath, type DerivationSpec, writeDerivation } from '#derivation'
import { DockerToolsError, type ErrorCode } from '#errors'
import { parseStorePath } from '#store'
import { makeTempDir } from '#util'

const SPEC: DerivationSpec = {
  name: 'hello',
  system: 'builtin',
  builder: 'builtin:dockertools',
  args: [],
  env: {},
  inputSources: [],
}

const hasNix = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'nix-instantiate')))
const skipWithoutNix = { skip: hasNix ? false : 'no program nix-instantiate here' }

/** Runs `nix-instantiate` over a store of its own; `$SRC` in the expression is a path in it. */
async function instantiate(
  expression: string,
): Promise<{ drv: string; text: string; source: string; storeDir: string }> {
  await using temp = await makeTempDir('drv-')
  const root = temp.path
  const storeDir = `${root}/store`
  await mkdir(`${root}/conf`)
  await writeFile(`${root}/conf/nix.conf`, 'build-users-group =\nsubstituters =\n')
  const names = { NIX_STORE_DIR: storeDir, NIX_STATE_DIR: `${root}/state`, NIX_LOG_DIR: `${root}/log` }
  const env = { ...process.env, HOME: root, NIX_CONF_DIR: `${root}/conf`, NIX_REMOTE: '', ...names }
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trimEnd()
  await writeFile(`${root}/source`, 'x')
  const source = run('nix-store', '--add', `${root}/source`)
  await writeFile(`${root}/x.nix`, expression.replaceAll('$SRC', `\${builtins.storePath ${source}}`))
  const drv = run('nix-instantiate', `${root}/x.nix`)
  return { drv, text: await readFile(drv, 'utf8'), source, storeDir }
}

test('text, path and outputs are those of nix-instantiate', skipWithoutNix, async () => {
  const attributes = `name = "hello"; system = "builtin"; builder = "builtin:dockertools"; args = ["-e" "x \\" y" ""];`
  const weird = 'a"b\\c\n\r\tž$\u0001😀'
  const expression = `derivation { ${attributes} function = "f"; weird = ${JSON.stringify(weird).replace('\\u0001', '\u0001').replace('$', '\\$')};
    Z = "1"; "ä" = "2"; "😀" = "3"; "ﬀ" = "4"; a = "$SRC"; }`
  const expected = await instantiate(expression)
  const { source, storeDir } = expected
  const spec: DerivationSpec = {
    ...SPEC,
    args: ['-e', 'x " y', ''],
    env: { function: 'f', weird, Z: '1', ä: '2', '😀': '3', ﬀ: '4', a: source },
    inputSources: [parseStorePath(source, storeDir)],
  }
  const written = writeDerivation(spec, storeDir)
  assert.equal(written.text, expected.text)
  assert.equal(written.path, expected.drv)
  assert.ok(expected.text.includes(`("out","${derivationOutputPath(spec, storeDir)}","","")`))
})

test('several outputs have paths of their own, as nix-instantiate gives them', skipWithoutNix, async () => {
  const expression = 'derivation { name = "n"; system = "s"; builder = "b"; outputs = ["out" "dev" "a"]; }'
  const { drv, text, storeDir } = await instantiate(expression)
  const base = { name: 'n', system: 's', builder: 'b', args: [], inputSources: [], outputs: ['out', 'dev', 'a'] }
  const written = writeDerivation({ ...base, env: { outputs: 'out dev a' } }, storeDir)
  assert.equal(written.text, text)
  assert.equal(written.path, drv)
})

test('the order of input sources makes no difference, and each counts once', () => {
  const [a, b] = ['a', 'b'].map((letter) => parseStorePath(`/nix/store/${letter.repeat(32)}-x`))
  const path = derivationOutputPath({ ...SPEC, inputSources: [a!, b!] })
  assert.equal(derivationOutputPath({ ...SPEC, inputSources: [b!, a!, b!] }), path)
  assert.notEqual(derivationOutputPath({ ...SPEC, inputSources: [a!] }), path)
})

test('every part of a derivation is part of its output path', () => {
  const changes: readonly Partial<DerivationSpec>[] = [
    {},
    { name: 'other' },
    { system: 'x' },
    { builder: 'x' },
    { args: [''] },
    { args: ['', ''] },
    { env: { a: '' } },
    { env: { a: 'b' } },
    { env: { b: 'a' } },
    { outputs: ['out', 'dev'] },
  ]
  assert.equal(new Set(changes.map((change) => derivationOutputPath({ ...SPEC, ...change }))).size, changes.length)
})

test('a derivation without inputs has the paths that Nix was seen to give it', () => {
  // By nix-instantiate 2.8 with /nix/store as its store folder, from a call of derivation with the same attributes.
  const spec = { ...SPEC, env: { formatVersion: '1', function: 'buildImage' } }
  const { path, outputs } = writeDerivation(spec)
  assert.equal(path, '/nix/store/vmjcvpgzylqh26051nwpycvsh0iq13li-hello.drv')
  assert.equal(outputs.get('out'), '/nix/store/j2wf6daw9m7w1s4az37yj712k6hc6r12-hello')
})

const bad: Readonly<Record<string, [Partial<DerivationSpec>, ErrorCode]>> = {
  'a name that ends in .drv': [{ name: 'x.drv' }, 'DEFINITION_INVALID'],
  'no name': [{ name: '' }, 'STORE_PATH_INVALID'],
  'a name with a slash': [{ name: 'a/b' }, 'STORE_PATH_INVALID'],
  'a name that leaves no place for .drv': [{ name: 'x'.repeat(208) }, 'STORE_PATH_INVALID'],
  'no outputs': [{ outputs: [] }, 'DEFINITION_INVALID'],
  'an output twice': [{ outputs: ['out', 'out'] }, 'DEFINITION_INVALID'],
  'an output that is no name': [{ outputs: ['a b'] }, 'DEFINITION_INVALID'],
  'the output drv': [{ outputs: ['drv'] }, 'DEFINITION_INVALID'],
  'a variable for its output': [{ env: { out: 'x' } }, 'DEFINITION_INVALID'],
  'a variable for its builder': [{ env: { builder: 'x' } }, 'DEFINITION_INVALID'],
  'NUL in a variable': [{ env: { a: 'x\0' } }, 'DEFINITION_INVALID'],
  'half a character': [{ args: ['\ud800'] }, 'DEFINITION_INVALID'],
}
for (const [what, [change, code]] of Object.entries(bad)) {
  test(`a derivation with ${what} is refused`, () => {
    assert.throws(() => writeDerivation({ ...SPEC, ...change }), { code, constructor: DockerToolsError })
  })
}
