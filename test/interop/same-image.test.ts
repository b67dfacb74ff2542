import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { needsRoot } from './needs.ts'
import { DOCKERTOOLS, type NixRoom, ROOM_PROGRAMS, startNixRoom } from './nix-room.ts'
import { type Command, run } from './run.ts'
import { digestOfFile, makeWorkshop, type Workshop } from './workshop.ts'

/** An image of a package that Nix has built, and of what builders of ours make of it. */
const MODULE = `
import { buildEnv, runCommand, storePath, streamLayeredImage, symlinkJoin, writeShellScriptBin, writeText, writeTextDir } from 'dockertools'
const tool = storePath('@TOOL@')
export const note = writeText('note', \`see \${tool}\\n\`)
const conf = writeTextDir('etc/tool.conf', \`note = \${note}\\n\`)
const start = writeShellScriptBin('start', \`exec cat \${conf}/etc/tool.conf\`)
export const made = runCommand('made', { note }, 'mkdir -p $out/share/sub; cp $note $out/share/note; ln -s \${tool}/bin $out/share/sub/to; chmod +x $out/share/note')
export const env = buildEnv({ name: 'env', paths: [start, conf, made, tool], pathsToLink: ['/bin', '/etc', '/share'] })
export const copied = symlinkJoin({ name: 'joined', paths: [conf, made], postBuild: 'date -d @0 +%s > $out/etc/date' })
export default streamLayeredImage({
  name: 'same', tag: '1', architecture: 'amd64', contents: [env, './tree'],
  config: { Cmd: [\`\${start}/bin/start\`], Env: [\`JOINED=\${copied}/etc\`] },
  extraCommands: \`cp \${note} note-$(basename \${made})\`,
})
`

const LOCAL = 'local:ours'

/** What Nix builds: two paths, the one naming the other. */
const EXPRESSION = `
let make = name: script: derivation {
  inherit name; system = builtins.currentSystem; builder = "/bin/bash"; args = [ "-euc" "\${script}\\n:" ]; PATH = "/usr/bin:/bin";
};
library = make "library" "mkdir $out; seq 20000 > $out/data";
in make "tool" "mkdir -p $out/bin; echo \${library}/data > $out/bin/tool; chmod +x $out/bin/tool"
`

suite('an image of what Nix and our builders have made is the same', needsRoot(...ROOM_PROGRAMS), () => {
  let shop: Workshop
  let room: NixRoom
  /** Of the image from the local store, in which its parts were built. */
  let expected: string
  /** Store paths that reach all that is built for it. */
  let parts: readonly string[]

  before(async () => {
    shop = await makeWorkshop()
    room = await startNixRoom(shop.path)
    await writeFile(join(shop.path, 'tool.nix'), EXPRESSION)
    const tool = await room.run('nix-build', '--no-out-link', 'tool.nix')
    await mkdir(join(shop.path, 'tree'))
    await writeFile(join(shop.path, 'tree/local'), 'local')
    await writeFile(join(shop.path, 'image.ts'), MODULE.replace('@TOOL@', tool))
    await room.run('nix', 'copy', '--no-check-sigs', '--to', '/lab/ours', tool)
    expected = await digestOf(shop.command('stream', 'image.ts', '--store', LOCAL))
    parts = await Promise.all(['env', 'copied', 'note'].map(build))
  })
  after(async () => {
    await room?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  /** Of something that the module exports, in the local store that made it. */
  async function build(name: string): Promise<string> {
    const place = await run(shop.command('build', `image.ts#${name}`, '--no-out-link', '--store', LOCAL))
    return `/nix/store/${basename(place.trimEnd())}`
  }

  let calls = 0
  /** Of what a command streams that remembers nothing of the others. */
  async function digestOf(command: Command): Promise<string> {
    const file = join(shop.path, `${calls++}.tar`)
    await using output = await open(file, 'w')
    await run({ ...command, env: { ...command.env, XDG_CACHE_HOME: `${file}.cache` }, output: output.fd })
    return await digestOfFile(file)
  }

  /** What was added to a local store. */
  async function namesIn(root: string): Promise<readonly string[]> {
    const place = join(shop.path, root, 'nix/store')
    return existsSync(place) ? (await readdir(place)).filter((name) => name !== '.links') : []
  }

  test('from a Nix store, where nothing has to be built', async () => {
    await room.run('nix', 'copy', '--no-check-sigs', '--from', '/lab/ours', ...parts)
    const stores = ['--store', 'nix', '--store', 'local:empty']
    assert.equal(await digestOf(room.command(...DOCKERTOOLS, 'stream', 'image.ts', ...stores)), expected)
    assert.equal(await digestOf(room.commandAsNobody(...DOCKERTOOLS, 'stream', 'image.ts', ...stores)), expected)
    assert.deepEqual(await namesIn('empty'), [])
  })

  test('from a binary cache, where nothing has to be built', async () => {
    await room.run('nix-store', '--generate-binary-cache-key', 'same-1', 'secret', 'public')
    const key = (await readFile(join(shop.path, 'public'), 'utf8')).trim()
    const cache = 'file:///lab/cache?compression=zstd&secret-key=/lab/secret'
    await room.run('nix', 'copy', '--no-check-sigs', '--from', '/lab/ours', '--to', cache, ...parts)
    const stores = ['--store', `file://${shop.path}/cache`, '--store', 'local:other', '--trusted-public-key', key]
    assert.equal(await digestOf(shop.command('stream', 'image.ts', ...stores)), expected)
    assert.deepEqual(await namesIn('other'), [])
  })

  test('from a local store that it was copied to', async () => {
    await run(shop.command('store', 'copy', '--from', LOCAL, '--to', 'local:copy', ...parts))
    const present = await namesIn('copy')
    assert.equal(await digestOf(shop.command('stream', 'image.ts', '--store', 'local:copy')), expected)
    assert.deepEqual(await namesIn('copy'), present)
  })

  test('where Nix builds what our builders describe', async () => {
    const stores = ['--store', 'local:by-nix', '--store', 'nix']
    const NIX_CONFIG = 'sandbox = true\nsandbox-paths = /bin /usr /lib /lib64\n'
    for (const name of ['env', 'copied']) {
      const words = ['build', `image.ts#${name}`, '--builder', 'nix', '--no-out-link', ...stores]
      const command = room.command(...DOCKERTOOLS, ...words)
      await run({ ...command, env: { ...command.env, NIX_CONFIG } })
    }
    const present = await namesIn('by-nix')
    assert.ok(parts.every((path) => present.includes(basename(path))))
    assert.equal(await digestOf(shop.command('stream', 'image.ts', '--store', 'local:by-nix')), expected)
    assert.deepEqual(await namesIn('by-nix'), present)
  })
})
