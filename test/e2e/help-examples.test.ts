import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BINARY, ROOT } from '../support/places.ts'
import { startEngine } from '../support/fake-engine.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'
import { startUploadRegistry } from '../support/upload-registry.ts'

/** Where examples name what a reader has, this is what the test has. */
function standIns(hello: string, registry: string): readonly (readonly [text: string, standIn: string])[] {
  return [
    ['https://cache.nixos.org', `file://${ROOT}examples/cache --no-check-signatures`],
    ['/nix/store/…-hello-2.12', hello],
    ...['registry.example/', 'localhost:5000/', 'quay.io/'].map((host) => [host, `${registry}/`] as const),
    ['pull alpine', `pull ${registry}/alpine`],
    ['prefetch nixos', `prefetch ${registry}/nixos`],
    ['--image-name redis', `--image-name ${registry}/redis`],
  ]
}

/** Images that examples pull. */
const IN_REGISTRY = ['alpine:3.20', 'nixos/nix:2.2.1', 'redis:7', 'team/app:1.2']

const DEFINITION = {
  function: 'buildLayeredImage',
  args: { name: 'web', tag: '1', architecture: 'amd64', contents: './site', compressor: 'gz' },
}

const MODULE = `import { streamLayeredImage } from 'dockertools'
export const web = streamLayeredImage({ name: 'web', tag: '1', architecture: 'amd64', contents: './site' })
`

/** Engines that read what they are given to its end, and refuse what is no archive. */
const ENGINE = `#!/bin/bash
set -e
case $1 in
  load) cat >loaded && tar -tf loaded | grep -x manifest.json ;;
  import) tar -tf "$2" ;;
  *) exit 9 ;;
esac >/dev/null
`

/** In place of containerd's program. */
const CTR = `#!/bin/bash
set -e
[ "$*" = '--connect-timeout 3s images import -' ] && tar -tf - | grep -qx manifest.json
echo "unpacking docker.io/library/web:1 (sha256:${'0'.repeat(64)})...done"
`

/** A folder with all that examples name, an engine and a registry. */
async function makeReader() {
  const bench = await makeBench()
  const engine = await startEngine(bench.path, 'web:1')
  const registry = await startUploadRegistry()
  const at = (name: string): string => join(bench.path, name)
  for (const folder of ['bin', 'site', 'folder', 'home/.config/fish/completions'])
    mkdirSync(at(folder), { recursive: true })
  writeFileSync(at('site/index.html'), 'Hello\n')
  writeFileSync(at('image.json'), JSON.stringify(DEFINITION))
  const args = { ...DEFINITION.args, compressor: 'zstd' }
  writeFileSync(at('zstd.json'), JSON.stringify({ ...DEFINITION, args }))
  writeFileSync(at('image.ts'), MODULE)
  cpSync(join(ROOT, 'examples/layers/graph.json'), at('graph.json'))
  writeFileSync(at('bin/dockertools'), `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' "$@"\n`, { mode: 0o755 })
  for (const name of ['docker', 'podman']) writeFileSync(at(`bin/${name}`), ENGINE, { mode: 0o755 })
  writeFileSync(at('bin/ctr'), CTR, { mode: 0o755 })
  const shell = (line: string): ReturnType<typeof resultOf> =>
    resultOf(
      spawn('bash', ['-e', '-o', 'pipefail', '-c', line], {
        cwd: bench.path,
        env: {
          PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`,
          HOME: at('home'),
          TMPDIR: at('tmp'),
          XDG_CACHE_HOME: at('cache'),
          ...engine.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  return {
    ...bench,
    shell,
    registry: registry.host,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([engine[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
      await bench[Symbol.asyncDispose]()
    },
  }
}

/** Every help there is, of commands and of their verbs. */
async function readHelps(bench: Bench): Promise<readonly (readonly [command: string, help: string])[]> {
  const found: [string, string][] = []
  const pending = ['']
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    const words = name.split(' ').filter((word) => word !== '')
    const { status, stdout, stderr } = await bench.run([...words, '--help'])
    assert.deepEqual([status, stderr], [0, ''], name)
    const help = stdout.toString()
    if (name !== '') found.push([name, help])
    const list = /^(?:Commands|Verbs):\n((?: .*\n)+)/m.exec(help)?.[1] ?? ''
    pending.push(...[...list.matchAll(/^ {2}(\S+)/gm)].map(([, word = '']) => `${name} ${word}`.trim()))
  }
  return found
}

function examplesOf(help: string): readonly string[] {
  const block = /^Examples:\n((?: .*\n)+)/m.exec(help)?.[1] ?? ''
  return block.split('\n').flatMap((line) => (/^ {2}[^# ]/.test(line) ? [line.trim()] : []))
}

/** With the paths of the cache in examples in the local store, and images of every name. */
async function prepare(reader: Awaited<ReturnType<typeof makeReader>>): Promise<string> {
  const narinfos = readdirSync(join(ROOT, 'examples/cache')).filter((name) => name.endsWith('.narinfo'))
  const paths = narinfos.map((name) => {
    const text = readFileSync(join(ROOT, 'examples/cache', name), 'utf8')
    return /^StorePath: (.*)$/m.exec(text)?.[1] ?? ''
  })
  const hello = paths.find((path) => path.endsWith('-hello-1.0')) ?? ''
  const made = await reader.shell(
    [
      `dockertools store copy --from file://${ROOT}examples/cache --no-check-signatures --root kept ${hello}`,
      'dockertools build image.json -o image.tar.gz',
      'cp image.tar.gz web.tar.gz; cp image.tar.gz worker.tar.gz',
      'tar -cf layer.tar site',
      'dockertools build image.json --format oci-archive -o layout.tar',
      'dockertools build zstd.json -o image.tar.zst',
      ...IN_REGISTRY.map((name) => `dockertools push image.json ${reader.registry}/${name}`),
      'cp "$(dirname "$(dockertools build image.ts#web --out-link stream)")"/*-web-conf.json hello-conf.json',
    ].join(' && '),
  )
  assert.equal(made.status, 0, made.stderr)
  return hello
}

test('the examples that help shows work', async (context) => {
  await using reader = await makeReader()
  const helps = await readHelps(reader)
  assert.ok(helps.length >= 15, `${helps.length} helps`)
  const hello = await prepare(reader)
  const seen = new Set<string>()
  for (const [command, help] of helps) {
    const examples = examplesOf(help)
    assert.ok(examples.length > 0, `${command} has no examples`)
    for (const example of examples) {
      if (seen.has(example)) continue
      seen.add(example)
      await context.test(example, async () => {
        let line = example
        for (const [text, standIn] of standIns(hello, reader.registry)) line = line.replaceAll(text, standIn)
        assert.ok(!line.includes('…'), 'there is something that only a reader can fill in')
        const { status, stderr } = await reader.shell(`compdef() { :; }; ${line}`)
        assert.equal(status, 0, stderr)
      })
    }
  }
})
