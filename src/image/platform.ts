import { DockerToolsError } from '#errors'
import { goArchitecture } from './architecture.ts'
import { isJsonObject, type JsonValue } from './json-value.ts'

/** What an image runs on, in Go's words. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant: string | undefined
}

/** The platform of this machine's containers. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: goArchitecture(), variant: undefined }
}

/**
 * Reads `OS/ARCHITECTURE[/VARIANT]`.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9_.-]+)\/([a-z0-9_.-]+)(?:\/([a-z0-9_.-]+))?$/.exec(text)
  if (match === null) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot use platform "${text}": it should be OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as "linux/arm64"`,
    )
  }
  return { os: match[1] ?? '', architecture: match[2] ?? '', variant: match[3] }
}

/** The platform that a configuration or a descriptor's `platform` names; undefined where it names none. */
export function platformOf(value: JsonValue | undefined): Platform | undefined {
  if (!isJsonObject(value)) return undefined
  const [os, architecture, variant] = ['os', 'architecture', 'variant'].map((name) => value.get(name))
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return { os, architecture, variant: typeof variant === 'string' && variant !== '' ? variant : undefined }
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/** Whether `there` will do where `asked` is wanted: a variant counts only where one is asked for. */
export function platformMatches(there: Platform, asked: Platform): boolean {
  const isSame = there.os === asked.os && there.architecture === asked.architecture
  return isSame && (asked.variant === undefined || asked.variant === there.variant)
}

/** Variants of an architecture, the best one first: each runs what the later ones are for. */
const VARIANTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['arm', ['v8', 'v7', 'v6', 'v5']],
  ['arm64', ['v8']],
])

/**
 * What an index is searched for, in this order, where `asked` is wanted. Without a variant: an image without one,
 * then the best there is. With one: it, then lower ones, then none.
 *
 * @see containers/image, `internal/pkg/platform`, which skopeo and podman choose by
 */
export function platformsInOrder(asked: Platform): readonly Platform[] {
  const known = VARIANTS.get(asked.architecture) ?? []
  const variants =
    asked.variant === undefined
      ? [undefined, ...known]
      : known.includes(asked.variant)
        ? [...known.slice(known.indexOf(asked.variant)), undefined]
        : [asked.variant, undefined]
  return variants.map((variant) => ({ ...asked, variant }))
}
