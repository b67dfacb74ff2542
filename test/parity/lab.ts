import { join } from 'node:path'
import type { ImageRecipe } from 'dockertools'
import { type DockerDaemon, startDockerDaemon } from '../interop/docker-daemon.ts'
import { attempt, type Command, type Outcome, pipe, run } from '../interop/run.ts'
import { makeWorkshop, type Workshop } from '../interop/workshop.ts'
import { ROOT } from '../support/places.ts'

/** An engine, a store, and the examples: what all assertions are tried in. */
export interface Lab extends AsyncDisposable {
  readonly shop: Workshop
  readonly daemon: DockerDaemon
  /** The folder that stands for `/nix/store` of this machine. */
  readonly storeFolder: string
  /** The recipe in a definition, as a program gets it. */
  recipe(definition: string): Promise<ImageRecipe>
  /** The tag that a definition gives its image: upstream's attribute `imageTag`. */
  tagOf(definition: string): Promise<string>
  /** `dockertools stream DEFINITION`. */
  stream(definition: string, ...options: readonly string[]): Command
  /** `dockertools build DEFINITION -o FILE`; gives the file's path. */
  build(definition: string, file: string): Promise<string>
  /** Streams an image into `docker load`, and gives the names that this loaded. */
  load(definition: string, ...options: readonly string[]): Promise<readonly string[]>
  /** The ID of a definition's image, which is loaded once. It keeps meaning this image when the name is used again. */
  image(definition: string): Promise<string>
  /** `docker run --rm`, which has to succeed; gives what the program wrote. */
  runs(...words: readonly string[]): Promise<string>
  /** The same, however it ends. */
  tries(...words: readonly string[]): Promise<Outcome>
  /** Whether an image of this name is there. */
  has(name: string): Promise<boolean>
  /** The names of all files of an image, without a slash before them. */
  files(image: string): Promise<readonly string[]>
}

/** An example by its name, or a definition of the tests' own by its path. */
function fileOf(definition: string): string {
  return definition.startsWith('/') ? definition : join(ROOT, 'examples/nixpkgs', `${definition}.ts`)
}

/** A definition in `test/parity/images`: of what upstream's tests define beside the examples. */
export function ownImage(name: string): string {
  return join(ROOT, 'test/parity/images', `${name}.ts`)
}

export async function openLab(): Promise<Lab> {
  const shop = await makeWorkshop()
  try {
    return labOf(shop, await startDockerDaemon(join(shop.path, 'd'), { hasNetwork: true, storageDriver: 'overlay2' }))
  } catch (error) {
    await shop[Symbol.asyncDispose]()
    throw error
  }
}

function labOf(shop: Workshop, daemon: DockerDaemon): Lab {
  const root = join(shop.path, 'machine')
  const store = `local:${root}`
  const loaded = new Map<string, Promise<string>>()

  const recipe: Lab['recipe'] = async (definition) => {
    const [file = '', name = 'default'] = fileOf(definition).split('#')
    return ((await import(file)) as Record<string, ImageRecipe>)[name] as ImageRecipe
  }
  const stream: Lab['stream'] = (definition, ...options) =>
    shop.command('stream', fileOf(definition), '--store', store, '--quiet', ...options)
  const load: Lab['load'] = async (definition, ...options) => {
    const said = await pipe(stream(definition, ...options), daemon.command('load'))
    return [...said.matchAll(/^Loaded image: (.*)$/gm)].map(([, name = '']) => name)
  }
  const loadOnce = async (definition: string): Promise<string> => {
    const [name = ''] = await load(definition)
    return (await daemon.inspect(name)).Id
  }
  return {
    shop,
    daemon,
    storeFolder: join(root, 'nix/store'),
    recipe,
    tagOf: async (definition) => await (await recipe(definition)).imageTag({ stores: [store] }),
    stream,
    async build(definition, file) {
      await run(shop.command('build', fileOf(definition), '--store', store, '--quiet', '-o', join(shop.path, file)))
      return join(shop.path, file)
    },
    load,
    image(definition) {
      const id = loaded.get(definition) ?? loadOnce(definition)
      loaded.set(definition, id)
      return id
    },
    runs: (...words) => daemon.docker('run', '--rm', '--network', 'none', ...words),
    tries: (...words) => attempt(daemon.command('run', '--rm', '--network', 'none', ...words)),
    has: async (name) => (await attempt(daemon.command('image', 'inspect', name))).code === 0,
    async files(image) {
      const container = (await daemon.docker('create', image, '/none')).trim()
      const listed = await pipe(daemon.command('export', container), { program: 'tar', args: ['-t'] })
      await daemon.docker('rm', container)
      return listed.trim().split('\n')
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]()
      await shop[Symbol.asyncDispose]()
    },
  }
}
