/**
 * Store paths into layers: the tar of a group of paths measured on all cores,
 * remembered between runs, and written without being read twice where it is
 * small. Knows nothing of archives, images or where paths come from.
 */
export { LayerCache } from './layer-cache.ts'
export { LayerWorkshop, type WorkshopOptions } from './layer-workshop.ts'
export { layerOfContent, type MeasuredLayer, type UnmeasuredLayer } from './measured-layer.ts'
export { measureStreamedLayer, type StreamedLayerSpec, type StreamedRoot } from './measure-streamed-layer.ts'
export { type PackedMember, packMembers, type PackObserver } from './pack-members.ts'
export type { LayerRoot, Owner, StoreLayerSpec } from './store-layer-spec.ts'
export { toTarEntry } from './to-tar-entry.ts'
export { canonicalMode } from './canonical-mode.ts'
export { makeStreamHash, type StreamHash } from './stream-hash.ts'
