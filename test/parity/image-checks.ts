import assert from 'node:assert/strict'
import { run } from '../interop/run.ts'
import { until } from '../interop/until.ts'
import type { Check, Checks } from './check.ts'
import type { Lab } from './lab.ts'

/** The time that images are made at when nothing else is said. */
const START = '1970-01-01T00:00:01Z'

/** Where the machine's Nix is: a stand-in for one in the image. Its libraries are there, its loader is bash's. */
export function machineNix(...words: readonly string[]): readonly string[] {
  return ['-v', '/usr:/usr:ro', '-e', 'USER=root', '-e', 'NIX_CONFIG=build-users-group =', ...words]
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
    const volume = `${lab.storeFolder}:/nix/store:ro`
    assert.match(await lab.runs('-v', volume, await lab.image(definition)), /hello/i)
  }
}

/** The tag that a recipe tells of is the one that is loaded, and the image can be removed by it. */
function tellsTag(definition: string, name: string): Check {
  return async (lab) => {
    const tag = await lab.tagOf(definition)
    assert.match(tag, /^[0-9a-df-np-sv-z]{32}$/)
    assert.deepEqual(await lab.load(definition), [`${name}:${tag}`])
    assert.equal((await lab.daemon.docker('images', '--format', '{{.Tag}}', name)).trim(), tag)
    await lab.daemon.docker('rmi', `${name}:${tag}`)
    assert.equal(await lab.has(`${name}:${tag}`), false)
  }
}

/** A file of this form, made by `build`, is one that the engine takes. */
function loadsFile(definition: string, file: string, magic: string): Check {
  return async (lab) => {
    const path = await lab.build(definition, file)
    const start = await run({ program: 'od', args: ['-An', '-tx1', '-N4', path] })
    if (magic !== '') assert.equal(start.replaceAll(' ', '').trim(), magic)
    assert.match(await lab.daemon.docker('load', '-i', path), /^Loaded image: bash-/m)
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
    assert.deepEqual(await lab.load('helloOnRoot'), ['hello:latest'])
    assert.match(await lab.runs('hello'), /hello/i)
    await lab.daemon.docker('rmi', 'hello:latest')
    assert.equal(await lab.has('hello:latest'), false)
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
    await lab.load('bash')
    const tag = await lab.tagOf('bash')
    assert.ok((await lab.daemon.docker('images', '--format', '{{.Tag}}', 'bash')).trim().split('\n').includes(tag))
    await lab.daemon.docker('rmi', 'bash')
    assert.equal(await lab.has('bash:latest'), false)
  },
  T11: tellsTag('bashNoTag', 'bash-no-tag'),
  T12: tellsTag('bashNoTagLayered', 'bash-no-tag-layered'),
  T13: tellsTag('bashNoTagStreamLayered', 'bash-no-tag-stream-layered'),
  async T14(lab) {
    const names = await lab.load('nixLayered')
    assert.deepEqual(names, [`nix-layered:${await lab.tagOf('nixLayered')}`])
  },
  T15: loadsFile('bashZstdCompressed', 'bash.tar.zst', '28b52ffd'),
  T16: loadsFile('bashUncompressed', 'bash.tar', ''),
  T17: loadsFile('bashLayeredUncompressed', 'bash-layered.tar', ''),
  T18: loadsFile('bashLayeredZstdCompressed', 'bash-layered.tar.zst', '28b52ffd'),
  async T19(lab) {
    const image = await lab.image('nix')
    const path = await storePathOf(lab, image, '/bin/nix')
    const paths = await lab.runs(...machineNix(image, '/usr/bin/nix-store', '-qR', path))
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
  async T24(lab) {
    await using server = await startServer(lab, ['-p', '8000:80', await lab.image('nginx')])
    const get = lab.daemon.network('/bin/busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8000/')
    const page = await until(`an answer of ${server.id}`, () => run(get).catch(() => undefined))
    assert.match(page, /Hello from NGINX/)
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
