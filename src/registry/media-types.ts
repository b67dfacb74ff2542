/** What manifests are called, and what is asked for: without it, registries convert to older formats or have nothing. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]
export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]

const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]

const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs(?:\.foreign)?\.diff\.tar(?:\.gzip|\.zstd)?)$/

export function isConfigType(type: string): boolean {
  return CONFIG_TYPES.includes(type)
}

/** How a layer is compressed is told by its bytes; this says only that it is a tar. */
export function isLayerType(type: string): boolean {
  return LAYER_TYPE.test(type)
}

/** Whether such layers may be somewhere else than in the registry. */
export function isForeignLayerType(type: string): boolean {
  return LAYER_TYPE.test(type) && /nondistributable|foreign/.test(type)
}
