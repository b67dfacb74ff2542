/** A name of an image in an archive. OCI layouts may know the tag alone. */
export interface ImageName {
  readonly name: string | undefined
  readonly tag: string | undefined
}

/** Splits `NAME:TAG`; the port of a registry is no tag. */
export function parseImageName(text: string): ImageName {
  const colon = text.lastIndexOf(':')
  if (colon <= text.lastIndexOf('/')) return { name: text, tag: undefined }
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) }
}

/** What `org.opencontainers.image.ref.name` says: a tag, or a name with one. */
export function parseRefName(text: string): ImageName {
  return /[/:]/.test(text) ? parseImageName(text) : { name: undefined, tag: text }
}

export function formatImageName({ name, tag }: ImageName): string {
  return name === undefined ? (tag ?? '') : tag === undefined ? name : `${name}:${tag}`
}

/** As engines show it: without Docker Hub's registry and its folder of official images. */
export function familiarName(name: string): string {
  return name.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '')
}

/** With the registry and folder that `familiarName` takes away, as `io.containerd.image.name` has it. */
export function fullName(name: string): string {
  const [first = '', ...others] = name.split('/')
  if (others.length === 0) return `docker.io/library/${name}`
  return /[.:]/.test(first) || first === 'localhost' ? name : `docker.io/${name}`
}

/** Whether an image of this name is the one that is asked for; what is not asked for does not count. */
export function imageNameMatches(there: ImageName, name: string | undefined, tag: string | undefined): boolean {
  const isName = name === undefined || there.name === undefined || familiarName(there.name) === familiarName(name)
  if (name !== undefined && there.name === undefined && tag === undefined) return false
  return isName && (tag === undefined || there.tag === tag)
}
