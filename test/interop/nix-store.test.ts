import assert from 'node:assert/strict'
import { copyFile, mkdir, open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listTar } from './list-tree.ts'
import { needsRoot } from './needs.ts'
import { DOCKERTOOLS, type NixRoom, ROOM_PROGRAMS, startNixRoom } from './nix-room.ts'
import { makeOddTree } from './odd-tree.ts'
import { type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'
import { digestOfFile, makeWorkshop, type Workshop } from './workshop.ts'

suite('a real Nix store', needsRoot(...ROOM_PROGRAMS, 'python3', 'tar', 'sha256sum'), () => {
  let shop: Workshop
  let room: NixRoom
  /** The root of the closure in `closure.nix`. */
  let app: string
  let definition: string
  /** The digest of the image of `app`, from `/nix/store`, as root. */
  let expected: string

  async function digestOf(command: Command): Promise<string> {
    const file = join(shop.path, 'digested.tar')
    await using output = await open(file, 'w')
    await run({ ...command, output: output.fd })
    return digestOfFile(file)
  }

  before(async () => {
    shop = await makeWorkshop()
    room = await startNixRoom(shop.path)
    await copyFile(fileURLToPath(new URL('closure.nix', import.meta.url)), join(shop.path, 'closure.nix'))
    app = await room.run('nix-build', '--no-out-link', 'closure.nix', '-A', 'app')
    definition = await shop.define('app', 'streamLayeredImage', { name: 'app', contents: [app] })
    expected = await digestOf(room.command(...inRoom('--store', 'nix')))
  })
  after(async () => {
    await room?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('gives an image of its closure, each path with the NAR hash that Nix knows', async () => {
    const archive = join(shop.path, 'app.tar')
    await using output = await open(archive, 'w')
    await run({ ...room.command(...inRoom()), output: output.fd })
    const outer = join(shop.path, 'outer')
    const unpacked = join(shop.path, 'unpacked')
    await mkdir(outer)
    await mkdir(unpacked)
    await run({ program: 'tar', args: ['-C', outer, '-xf', archive] })
    const layers = (await listTar(archive)).map(({ path }) => path).filter((path) => path.endsWith('/layer.tar'))
    for (const layer of layers) await run({ program: 'tar', args: ['-C', unpacked, '-xf', join(outer, layer)] })

    const closure = (await room.run('nix-store', '--query', '--requisites', app)).split('\n').toSorted()
    assert.equal(closure.length, 4)
    const inImage = (await readdir(join(unpacked, 'nix/store'))).map((name) => `/nix/store/${name}`)
    assert.deepEqual(inImage.toSorted(), closure)
    for (const path of closure) {
      const known = await room.run('nix-store', '--query', '--hash', path)
      const seen = await room.run('nix-hash', '--type', 'sha256', '--base32', `/lab/unpacked${path}`)
      assert.equal(`sha256:${seen}`, known, path)
    }
  })

  test('gives an ordinary user the same bytes, and is left as it was', async () => {
    const database = join(shop.path, 'nix/var/nix/db')
    const files = await readdir(database)
    assert.equal(await digestOf(room.commandAsNobody(...inRoom('--store', 'nix'))), expected)
    assert.equal(await digestOf(room.commandAsNobody(...inRoom())), expected)
    assert.deepEqual(await readdir(database), files)
  })

  test('gives the same bytes whatever the umask, the time zone and the language', async () => {
    const surroundings = [
      ['TZ=Asia/Kathmandu', 'LC_ALL=C', 'umask 077'],
      ['TZ=UTC', 'LC_ALL=C.UTF-8', 'umask 000'],
    ] as const
    for (const [zone, language, umask] of surroundings) {
      const script = `${umask}; exec "$@"`
      const call = ['env', zone, language, 'sh', '-c', script, 'sh', ...inRoom()]
      assert.equal(await digestOf(room.command(...call)), expected, umask)
    }
  })

  test('gives a local folder the path that Nix gives it', async () => {
    await makeOddTree(join(shop.path, 'odd'))
    const local = await shop.define('local', 'streamLayeredImage', { name: 'local', contents: ['./odd'] })
    const layers = JSON.parse(await run(shop.command('layers', local))) as string[][]
    assert.deepEqual(layers, [[await room.run('nix-store', '--add', 'odd')]])
  })

  suite('as a binary cache', () => {
    let publicKey: string

    before(async () => {
      await room.run('nix-store', '--generate-binary-cache-key', 'interop-1', 'secret', 'public')
      publicKey = (await readFile(join(shop.path, 'public'), 'utf8')).trim()
      for (const compression of ['xz', 'zstd', 'gzip', 'none', 'bzip2']) {
        const settings = `compression=${compression}&secret-key=/lab/secret`
        await room.run('nix', 'copy', '--to', `file:///lab/caches/${compression}?${settings}`, app)
      }
      await room.run('nix', 'copy', '--to', 'file:///lab/caches/unsigned', app)
    })

    let calls = 0
    /** A call that has measured no layer before. */
    function fromCache(url: string, ...options: readonly string[]): Command {
      const command = shop.command('stream', definition, '--store', url, ...options)
      return { ...command, env: { ...command.env, XDG_CACHE_HOME: join(shop.path, `cache-${calls++}`) } }
    }

    for (const compression of ['xz', 'zstd', 'gzip', 'none']) {
      test(`gives the same bytes from files packed with ${compression}`, async () => {
        const command = fromCache(fileUrl(shop, compression), '--trusted-public-key', publicKey)
        assert.equal(await digestOf(command), expected, 'at first')
        assert.equal(await digestOf(command), expected, 'with layers that were measured before')
      })
    }

    test('gives the same bytes over HTTP', async () => {
      const folder = join(shop.path, 'caches')
      const options = ['--bind', '127.0.0.1', '--directory', folder, '0']
      await using server = startProcess({ program: 'python3', args: ['-u', '-m', 'http.server', ...options] })
      const port = await until('the server', async () => / port (\d+)/.exec(server.said())?.[1])
      for (const compression of ['xz', 'zstd']) {
        const url = `http://127.0.0.1:${port}/${compression}`
        assert.equal(await digestOf(fromCache(url, '--trusted-public-key', publicKey)), expected, compression)
      }
    })

    test('is refused without a signature, or with one of another key', async () => {
      const untrusted: readonly (readonly [string, readonly string[]])[] = [
        ['unsigned', ['--trusted-public-key', publicKey]],
        ['xz', []],
      ]
      for (const [name, options] of untrusted) {
        await assert.rejects(digestOf(fromCache(fileUrl(shop, name), ...options)), /ended with 3:\n[^]*signature/, name)
        assert.equal(await digestOf(fromCache(fileUrl(shop, name), '--no-check-signatures')), expected, name)
      }
    })

    test('is refused when it is packed in a way that is not supported', async () => {
      const command = fromCache(fileUrl(shop, 'bzip2'), '--trusted-public-key', publicKey)
      await assert.rejects(digestOf(command), /ended with 1:\nerror \(FORMAT_UNSUPPORTED\): [^\n]*bzip2/)
    })
  })

  suite('as a graph that exportReferencesGraph wrote', () => {
    test('gives the same bytes', async () => {
      const graph = await room.run('nix-build', '--no-out-link', 'closure.nix', '-A', 'graph')
      assert.equal(await digestOf(room.command(...inRoom('--store', `graph:${graph}`))), expected)
      const layers = JSON.parse(await room.run(...DOCKERTOOLS, 'layers', graph)) as string[][]
      const ofDefinition = JSON.parse(await room.run(...DOCKERTOOLS, 'layers', 'app.json')) as string[][]
      assert.deepEqual(layers.flat().toSorted(), ofDefinition.flat().toSorted())
      const closure = (await room.run('nix-store', '--query', '--requisites', app)).split('\n')
      assert.deepEqual(layers.flat().toSorted(), closure.toSorted())
    })

    for (const sandbox of ['false', 'true']) {
      test(`gives the same bytes inside a Nix build, with sandbox = ${sandbox}`, async () => {
        const places = '/node /project /bin /usr /lib /lib64'
        const options = ['--option', 'sandbox', sandbox, '--option', 'extra-sandbox-paths', places]
        const image = await room.run('nix-build', '--no-out-link', ...options, 'closure.nix', '-A', 'image')
        assert.equal(await digestOfFile(join(shop.path, image)), expected)
        await room.run('nix-store', '--delete', image)
      })
    }
  })
})

/** `dockertools stream` of the definition, as a call in the room. */
function inRoom(...options: readonly string[]): readonly string[] {
  return [...DOCKERTOOLS, 'stream', 'app.json', ...options]
}

function fileUrl(shop: Workshop, cache: string): string {
  return `file://${shop.path}/caches/${cache}`
}
