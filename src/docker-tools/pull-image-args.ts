import * as v from 'valibot'
import { DockerToolsError } from '#errors'
import { goArchitecture, type Platform } from '#image'
import { type ImageReference, parseReference } from '#registry'
import { flag, text } from './argument-schemas.ts'
import { checkArguments } from './check-arguments.ts'
import { type FixedHash, fixedHash } from './fixed-hash.ts'
import { outputName } from './prefetch-image.ts'

/** The arguments of `pullImage`, with upstream's names and defaults. */
export interface PullImageArgs {
  /** Name of the image, with its registry where that is not Docker Hub: `redis`, `quay.io/team/app`. */
  readonly imageName: string
  /** `sha256:…` of the manifest, or of the index of several platforms. */
  readonly imageDigest: string
  /** Hash of the archive: SRI, as `dockertools prefetch` prints it. Of `hash`, `sha256` and `outputHash` there is one. */
  readonly hash?: string | null
  /** The same in hex, Nix's base 32, base 64 or SRI. */
  readonly sha256?: string | null
  /** The same, made by `outputHashAlgo`. */
  readonly outputHash?: string | null
  /** `sha256`, `sha512`, `sha1` or `md5`; not needed where `outputHash` names it. */
  readonly outputHashAlgo?: string | null
  /** Which of several platforms. Default `linux`. */
  readonly os?: string
  /** Which of several platforms, in Go's words. Default: this machine's. */
  readonly arch?: string
  /** What the image is called in the archive. Default: `imageName`. */
  readonly finalImageName?: string
  /** Its tag in the archive. Default `latest`. */
  readonly finalImageTag?: string
  /** False takes any certificate, and plain HTTP. Default true. */
  readonly tlsVerify?: boolean
  /** Name of the output in the store. Default: `docker-image-NAME-TAG.tar`, with `-` for `/` and `:`. */
  readonly name?: string
}

/** The arguments, understood. */
export interface ResolvedPullArgs {
  readonly reference: ImageReference
  readonly platform: Platform
  readonly finalName: ImageReference
  /** `finalImageName` as it was given. */
  readonly imageName: string
  readonly imageTag: string
  readonly expected: FixedHash
  readonly tlsVerify: boolean
  /** In the store. */
  readonly name: string
}

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const
const word = v.pipe(text, v.regex(/^[a-z0-9_.-]+$/, 'it should be a word of Go, such as "linux" or "amd64"'))

const schema = v.strictObject({
  imageName: text,
  imageDigest: text,
  hash: v.nullish(text),
  sha256: v.nullish(text),
  outputHash: v.nullish(text),
  outputHashAlgo: v.nullish(v.picklist(ALGORITHMS, 'it should be "sha256", "sha512", "sha1" or "md5"')),
  os: v.optional(word, 'linux'),
  arch: v.optional(word),
  finalImageName: v.optional(text),
  finalImageTag: v.optional(text, 'latest'),
  tlsVerify: v.optional(flag, true),
  name: v.optional(v.pipe(text, v.regex(/^[\w+.?=-]{1,211}$/, 'it should be a name for a store path'))),
})

/** @throws {DockerToolsError} `DEFINITION_INVALID`. */
export function resolvePullArgs(args: PullImageArgs): ResolvedPullArgs {
  const checked = checkArguments('pullImage', schema, args)
  const { imageName, imageDigest, finalImageName = imageName, finalImageTag } = checked
  const named = parseReference(imageName)
  if (named.tag !== undefined || named.digest !== undefined) {
    const part = named.tag === undefined ? 'digest' : 'tag'
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call pullImage: argument "imageName" is "${imageName}", it should have no ${part}: "imageDigest" says which image is meant`,
    )
  }
  const finalName = parseReference(`${finalImageName}:${finalImageTag}`)
  return {
    reference: parseReference(`${imageName}@${imageDigest}`),
    platform: { os: checked.os, architecture: checked.arch ?? goArchitecture(), variant: undefined },
    finalName,
    imageName: finalImageName,
    imageTag: finalImageTag,
    expected: fixedHash('pullImage', checked),
    tlsVerify: checked.tlsVerify,
    name: checked.name ?? outputName(finalImageName, finalImageTag),
  }
}
