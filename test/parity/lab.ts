import { basename, join } from 'node:path'
import type { ImageRecipe } from 'dockertools'
import { type DockerDaemon, startDockerDaemon } from '../interop/docker-daemon.ts'
import { attempt, type Outcome, pipe } from '../interop/run.ts'
import { ROOT } from '../support/places.ts'
import { definitionFile, type ExampleBuilds } from './example-builds.ts'

/** An engine, and the examples in it: what all assertions are tried in, several at a time. */
export interface Lab extends AsyncDisposable {
  readonly builds: ExampleBuilds
  readonly daemon: DockerDaemon
  /** The tag that a definition gives its image: upstream's attribute `imageTag`. */
  tagOf(definition: string): Promise<string>
  /** Waits until nobody else loads images, and keeps it so: for what goes by the names that images bring. */
  alone(act: (load: Load) => Promise<void>): Promise<void>
  /** A name of a definition's image that stays, whatever else has the name that it brings. It is loaded once. */
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

/** Loads a definition's image, and gives the names that this loaded. */
export type Load = (definition: string) => Promise<readonly string[]>

/** A definition in `test/parity/images`: of what upstream's tests define beside the examples. */
export function ownImage(name: string): string {
  return join(ROOT, 'test/parity/images', `${name}.ts`)
}

export async function openLab(builds: ExampleBuilds): Promise<Lab> {
  return labOf(builds, await startDockerDaemon(join(builds.path, 'd'), { hasNetwork: true, storageDriver: 'overlay2' }))
}

function labOf(builds: ExampleBuilds, daemon: DockerDaemon): Lab {
  const loaded = new Map<string, Promise<string>>()
  let last: Promise<unknown> = Promise.resolve()

  const load: Load = async (definition) => {
    const said = await daemon.docker('load', '-i', await builds.archive(definition))
    return [...said.matchAll(/^Loaded image: (.*)$/gm)].map(([, name = '']) => name)
  }
  const alone = <Result>(act: (load: Load) => Promise<Result>): Promise<Result> => {
    const result = last.then(() => act(load))
    // Whoever comes next waits for the end, whichever it is.
    last = result.catch(() => undefined)
    return result
  }
  const loadOnce = async (definition: string): Promise<string> => {
    await builds.archive(definition)
    return await alone(async () => {
      const [name = ''] = await load(definition)
      const kept = `kept/${basename(definition)
        .replace(/\.\w+$/, '')
        .toLowerCase()}:1`
      await daemon.docker('tag', name, kept)
      return kept
    })
  }
  return {
    builds,
    daemon,
    alone,
    tagOf: async (definition) => {
      const { default: recipe } = (await import(definitionFile(definition))) as { readonly default: ImageRecipe }
      return await recipe.imageTag({ stores: [builds.store] })
    },
    image(definition) {
      const name = loaded.get(definition) ?? loadOnce(definition)
      loaded.set(definition, name)
      return name
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
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}
