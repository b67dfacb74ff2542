import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { helloWorld } from '../../examples/nixpkgs/packages/hello-world.ts'
import type { Check, Checks } from './check.ts'
import type { Lab } from './lab.ts'

/**
 * An image for this machine that a builder of the other architecture makes: the
 * program runs where Node says that the processor is another one.
 */
function isBuiltElsewhere(functionName: string, contents: string): Check {
  return async (lab) => {
    const name = `elsewhere-${functionName.toLowerCase()}`
    const definition = await defineHello(lab, name, functionName, contents)
    const here = process.arch
    const elsewhere = here === 'arm64' ? 'x64' : 'arm64'
    const pretend = `data:text/javascript,Object.defineProperty(process, 'arch', { value: '${elsewhere}' })`
    const abroad = join(lab.builds.path, `${name}.tar`)
    await lab.builds.stream(definition, abroad, { env: { NODE_OPTIONS: `--import="${pretend}"` } })
    const archives = [await readFile(abroad), await readFile(await lab.builds.archive(definition))] as const
    assert.ok(archives[0].equals(archives[1]), 'another image where it is built here')
    const image = await lab.image(definition)
    assert.equal((await lab.daemon.inspect(image)).Architecture, here === 'arm64' ? 'arm64' : 'amd64')
    assert.equal(await lab.runs(image), 'Hello, world!\n')
  }
}

async function defineHello(lab: Lab, name: string, functionName: string, contents: string): Promise<string> {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const program = join(lab.builds.path, 'hello-root/bin/hello')
  await mkdir(join(program, '..'), { recursive: true })
  await writeFile(program, helloWorld(architecture), { mode: 0o755 })
  const args = { name, tag: 'latest', architecture, [contents]: './hello-root', config: { Cmd: ['/bin/hello'] } }
  const definition = join(lab.builds.path, `${name}.json`)
  await writeFile(definition, JSON.stringify({ function: functionName, args }))
  return definition
}

/** X1, X2: another builder. O1, O2: another storage driver. */
export const ENGINE_CHECKS: Checks = {
  X1: isBuiltElsewhere('buildImage', 'copyToRoot'),
  X2: isBuiltElsewhere('buildLayeredImage', 'contents'),
  async O1(lab) {
    assert.equal((await lab.daemon.docker('info', '--format', '{{.Driver}}')).trim(), 'overlay2')
    assert.match(await lab.runs(await lab.image('bash'), 'bash', '--version'), /^GNU bash/)
  },
  async O2(lab) {
    const image = await lab.image('bash')
    assert.match(await lab.runs('-u', '1000:1000', image, 'bash', '--version'), /^GNU bash/)
  },
}
