import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { derivation, placeholder, REALISE } from '#derivation'
import { needs } from '../../test/support/places.ts'
import { openWorkshop } from './test-support.test.ts'

const SYSTEM = 'x86_64-linux'

function shell(name: string, script: string, more: Record<string, unknown> = {}): ReturnType<typeof derivation> {
  return derivation({
    name,
    system: SYSTEM,
    builder: '/bin/sh',
    args: ['-e', '-c', script],
    PATH: '/usr/bin:/bin',
    ...more,
  })
}

test('a derivation is built with what it uses, and the result is a store path with its references and deriver', async () => {
  await using shop = await openWorkshop()
  const lib = shell('lib', 'echo content > $out')
  const app = shell('app', `mkdir -p $out/bin; echo "cat ${lib}" > $out/bin/app; cat ${lib} > $out/seen`)
  const session = shop.session()
  const path = await session.realise(app)
  assert.equal(readFileSync(join(shop.physical(path), 'seen'), 'utf8'), 'content\n')
  const libPath = await session.outPath(lib)
  assert.equal(readFileSync(join(shop.physical(path), 'bin/app'), 'utf8'), `cat ${libPath}\n`)
  const info = await shop.store.pathInfo(path)
  assert.deepEqual(info.references, [libPath])
  assert.match(info.deriver ?? '', /-app\.drv$/)
  const stats = lstatSync(join(shop.physical(path), 'bin/app'))
  assert.deepEqual([stats.mode & 0o7777, stats.mtimeMs], [0o444, 1000])
  assert.deepEqual((await shop.store.verify({ checksContents: true })).faults, [])
})

const NIX_EXPRESSION = `
let
  mk = name: script: more: derivation ({ inherit name; system = "${SYSTEM}"; builder = "/bin/sh"; args = [ "-e" "-c" script ]; PATH = "/usr/bin:/bin"; } // more);
  source = ./source;
  fixed = mk "fixed" "printf hello > $out" { outputHash = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="; };
  nar = mk "nar" "mkdir $out; printf hello > $out/f" { outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputHash = "NARHASH"; };
  many = mk "many" "mkdir $out $dev $doc; echo \${placeholder "dev"} > $out/dev; echo $doc > $dev/out" { outputs = [ "out" "dev" "doc" ]; };
  lists = mk "lists" "echo \\"$a|$b|$c|$d|$e\\" > $out" { a = [ "x" 1 true [ "y" [ ] "z" ] ]; b = true; c = null; d = 12; e = false; };
  top = mk "top" "mkdir $out; cat \${many.dev}/out > $out/a; cat \${fixed} > $out/b; cat \${nar}/f \${source}/* > $out/c; cat \${lists} > $out/d" { both = [ many many.doc fixed ]; };
in { inherit fixed nar many lists top; dev = many.dev; }
`

function sameDerivations(folder: string, narHash: string): Record<string, ReturnType<typeof derivation>> {
  const fixed = shell('fixed', 'printf hello > $out', {
    outputHash: 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
  })
  const nar = shell('nar', 'mkdir $out; printf hello > $out/f', {
    outputHashMode: 'recursive',
    outputHashAlgo: 'sha256',
    outputHash: narHash,
  })
  const many = shell('many', `mkdir $out $dev $doc; echo ${placeholder('dev')} > $out/dev; echo $doc > $dev/out`, {
    outputs: ['out', 'dev', 'doc'],
  })
  const lists = shell('lists', 'echo "$a|$b|$c|$d|$e" > $out', {
    a: ['x', 1, true, ['y', [], 'z']],
    b: true,
    c: null,
    d: 12,
    e: false,
  })
  const script =
    `mkdir $out; cat ${many.output('dev')}/out > $out/a; cat ${fixed} > $out/b; ` +
    `cat ${nar}/f ${folder}/* > $out/c; cat ${lists} > $out/d`
  return { fixed, nar, many, lists, top: shell('top', script, { both: [many, many.output('doc'), fixed] }) }
}

/** Of `printf hello` in a folder as `f`: told by nix-hash. */
const NAR_HASH = '1mxwk8ndcfriz93lpnpslb928xzxv1w6ki67ck4dkk47khfx2ym1'

test('Nix makes the same derivations and builds the same outputs', needs('nix-instantiate'), async () => {
  await using shop = await openWorkshop()
  mkdirSync(join(shop.path, 'source'))
  writeFileSync(join(shop.path, 'source/one'), '1')
  const source = await shop.store.addLocal(join(shop.path, 'source'), 'source')
  writeFileSync(join(shop.path, 'all.nix'), NIX_EXPRESSION.replace('NARHASH', NAR_HASH))
  const session = shop.session()
  const ours = sameDerivations(source, NAR_HASH)
  for (const [name, value] of Object.entries(ours)) {
    const drv = shop.nix('nix-instantiate', join(shop.path, 'all.nix'), '-A', name).trim()
    assert.equal((await value[REALISE].derivation?.asInput(session))?.path, drv, name)
  }
  const built = await session.realise(ours['top']!)
  const theirs = join(shop.path, 'theirs')
  const output = shop
    .nix('nix-build', join(shop.path, 'all.nix'), '-A', 'top', '--no-out-link', '--store', theirs)
    .trim()
  assert.equal(output, built)
  const hash = (store: string): string => shop.nix('nix-store', '--query', '--hash', built, '--store', store)
  assert.equal(hash(theirs), hash(shop.root))
  assert.equal(shop.nix('nix-store', '--verify', '--check-contents'), '')
})
