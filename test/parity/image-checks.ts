import assert from 'node:assert/strict'
import { run } from '../interop/run.ts'
import { until } from '../interop/until.ts'
import { BINARY } from '../support/places.ts'
import type { Check, Checks } from './check.ts'
import type { Lab } from './lab.ts'

/** The time that images are made at when nothing else is said. */
const START = '1970-01-01T00:00:01Z'

const [LIBRARIES, LOADER] =
  process.arch === 'arm64'
    ? (['aarch64-linux-gnu', 'ld-linux-aarch64.so.1'] as const)
    : (['x86_64-linux-gnu', 'ld-linux-x86-64.so.2'] as const)

/** Runs a command of the machine's Nix, a stand-in for one in the image, with a loader and libraries of its own. */
export function runsNix(lab: Lab, image: string, ...words: readonly string[]): Promise<string> {
  const [command = '', ...args] = words
  const options = ['-v', '/usr:/machine:ro', '-e', 'USER=root', '-e', 'NIX_CONFIG=build-users-group =']
  const folder = `/machine/lib/${LIBRARIES}`
  const program = [`${folder}/${LOADER}`, '--library-path', `${folder}:/machine/lib/nix`, `/machine/bin/${command}`]
  return lab.runs(...options, image, ...program, ...args)
}

/** An image without a store prints nothing by itself. */
function failsAlone(definition: string): Check {
  return async (lab) => {
    const { code, stdout } = await lab.tries(await lab.image(definition))
    assert.notEqual(code, 0)
    assert.doesNotMatch(stdout, /hello/i)
  }
}

function hasNoStore(definition: string): Check {
  return async (lab) => {
    const files = await lab.files(await lab.image(definition))
    assert.ok(files.includes('bin/hello'))
    assert.deepEqual(
      files.filter((file) => file.includes('nix/store/')),
      [],
    )
  }
}

function runsOnStore(definition: string): Check {
  return async (lab) => {
    const volume = `${lab.builds.storeFolder}:/nix/store:ro`
    assert.match(await lab.runs('-v', volume, await lab.image(definition)), /hello/i)
  }
}

/** The tag that a recipe tells of is the one that is loaded, and the image can be removed by it. */
function tellsTag(definition: string, name: string): Check {
  return async (lab) => {
    const tag = await lab.tagOf(definition)
    assert.match(tag, /^[0-9a-df-np-sv-z]{32}$/)
    await lab.alone(async (load) => {
      assert.deepEqual(await load(definition), [`${name}:${tag}`])
      assert.equal((await lab.daemon.docker('images', '--format', '{{.Tag}}', name)).trim(), tag)
      await lab.daemon.docker('rmi', `${name}:${tag}`)
      assert.equal(await lab.has(`${name}:${tag}`), false)
    })
  }
}

/** The file of `dockertools build` is one that the engine takes. */
function loadsFile(definition: string): Check {
  return async (lab) => {
    const file = await lab.builds.result(definition)
    await lab.alone(async () => {
      assert.match(await lab.daemon.docker('load', '-i', file), /^Loaded image: bash-/m)
    })
  }
}

/** The same where Debian's engine cannot read the file by itself: `dockertools load FILE` gives it what it can. */
function loadsCompressedFile(definition: string): Check {
  return async (lab) => {
    const file = await lab.builds.result(definition)
    const { env = {} } = lab.daemon.command()
    await lab.alone(async () => {
      const loaded = await run({ program: process.execPath, args: [BINARY, 'load', file, '--quiet'], env })
      assert.match(loaded, /^bash-\S+:latest\n$/)
      assert.ok(await lab.has(loaded.trim()))
    })
  }
}

function hasNixDaemonLink(definition: string): Check {
  return async (lab) => {
    const image = await lab.image(definition)
    assert.equal((await lab.runs(image, '/bin/readlink', '/bin/nix')).trim().split('/').at(-1), 'nix')
    const folder = (await lab.runs(image, '/bin/readlink', '/bin/nix')).trim().replace(/\/nix$/, '')
    assert.equal(await lab.runs(image, '/bin/readlink', `${folder}/nix-daemon`), 'nix\n')
  }
}

async function createdBy(lab: Lab, definition: string): Promise<string> {
  return (await lab.daemon.inspect(await lab.image(definition))).Created
}

/** T1 to T29: images by themselves. */
export const IMAGE_CHECKS: Checks = {
  async T1(lab) {
    await lab.builds.archive('helloOnRoot')
    await lab.alone(async (load) => {
      assert.deepEqual(await load('helloOnRoot'), ['hello:latest'])
      assert.match(await lab.runs('hello'), /hello/i)
      await lab.daemon.docker('rmi', 'hello:latest')
      assert.equal(await lab.has('hello:latest'), false)
    })
  },
  T2: failsAlone('helloOnRootNoStore'),
  T3: failsAlone('helloOnRootNoStoreFakechroot'),
  T4: hasNoStore('helloOnRootNoStore'),
  T5: hasNoStore('helloOnRootNoStoreFakechroot'),
  T6: runsOnStore('helloOnRootNoStore'),
  T7: runsOnStore('helloOnRootNoStoreFakechroot'),
  async T8(lab) {
    assert.equal(await createdBy(lab, 'bash'), START)
  },
  async T9(lab) {
    assert.match(await lab.runs(await lab.image('bash'), 'bash', '--version'), /^GNU bash/)
  },
  async T10(lab) {
    const tag = await lab.tagOf('bash')
    await lab.alone(async (load) => {
      await load('bash')
      assert.ok((await lab.daemon.docker('images', '--format', '{{.Tag}}', 'bash')).trim().split('\n').includes(tag))
      await lab.daemon.docker('rmi', 'bash')
      assert.equal(await lab.has('bash:latest'), false)
    })
  },
  T11: tellsTag('bashNoTag', 'bash-no-tag'),
  T12: tellsTag('bashNoTagLayered', 'bash-no-tag-layered'),
  T13: tellsTag('bashNoTagStreamLayered', 'bash-no-tag-stream-layered'),
  async T14(lab) {
    const tag = await lab.tagOf('nixLayered')
    await lab.alone(async (load) => assert.deepEqual(await load('nixLayered'), [`nix-layered:${tag}`]))
  },
  T15: loadsCompressedFile('bashZstdCompressed'),
  T16: loadsFile('bashUncompressed'),
  T17: loadsFile('bashLayeredUncompressed'),
  T18: loadsCompressedFile('bashLayeredZstdCompressed'),
  async T19(lab) {
    const image = await lab.image('nix')
    const path = await storePathOf(lab, image, '/bin/nix')
    const paths = await runsNix(lab, image, 'nix-store', '-qR', path)
    assert.ok(paths.split('\n').includes(path))
    assert.match(paths, /-bash\n/)
  },
  async T20(lab) {
    const image = await lab.image('bashLayeredWithUser')
    for (const folder of ['/nix', '/nix/store']) {
      assert.equal(await lab.runs('-u', 'somebody', image, '/bin/stat', '-c', '%a', folder), '755\n', folder)
    }
  },
  T21: hasNixDaemonLink('nix'),
  T22: hasNixDaemonLink('nixLayered'),
  async T23(lab) {
    // The image of the registry is for one processor, whatever this machine has.
    const image = await lab.image('testNixFromDockerHub')
    if (process.arch === 'x64')
      assert.match(await lab.runs(image, 'nix-store', '--version'), /^nix-store \(Nix\) 2\.2\.1$/m)
    else assert.equal((await lab.daemon.inspect(image)).Architecture, 'amd64')
  },
  async T24(lab) {
    await using server = await startServer(lab, ['-p', '8000:80', await lab.image('nginx')])
    const get = lab.daemon.network('/bin/busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8000/')
    const page = await until(`an answer of ${server.id}`, () => run(get).catch(() => undefined))
    assert.match(page, /Hello from NGINX/)
  },
  async T25(lab) {
    await lab.alone(async (load) => assert.deepEqual(await load('onTopOfPulledImage'), ['ontopofpulledimage:latest']))
    assert.match(await lab.runs(await lab.image('onTopOfPulledImage')), /hello/i)
  },
  async T26(lab) {
    const image = await lab.image('runAsRootExtraCommands')
    assert.equal(await lab.runs(image, 'cat', 'extraCommands'), '(extraCommands)\n')
    assert.equal(await lab.runs(image, 'cat', 'runAsRoot'), '(runAsRoot)\n')
  },
  async T27(lab) {
    assert.doesNotMatch(await createdBy(lab, 'unstableDate'), /^1970/)
  },
  async T28(lab) {
    assert.doesNotMatch(await createdBy(lab, 'unstableDateLayered'), /^1970/)
  },
  async T29(lab) {
    const image = await lab.image('layered-image')
    assert.match(await lab.runs(image), /hello/i)
    assert.equal(await lab.runs(image, '/bin/cat', 'extraCommands'), '(extraCommands)\n')
  },
}

/** The store path that a link in an image leads to. */
export async function storePathOf(lab: Lab, image: string, link: string): Promise<string> {
  const target = (await lab.runs(image, '/bin/readlink', link)).trim()
  return target.split('/').slice(0, 4).join('/')
}

/** Starts a container that runs until it is disposed of. */
export async function startServer(
  lab: Lab,
  words: readonly string[],
): Promise<{ readonly id: string } & AsyncDisposable> {
  const id = (await lab.daemon.docker('run', '--detach', ...words)).trim()
  return {
    id,
    async [Symbol.asyncDispose]() {
      await lab.daemon.docker('rm', '--force', '--volumes', id)
    },
  }
}
