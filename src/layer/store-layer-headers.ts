import { DockerToolsError } from '#errors'
import type { MemberMeta, TarHeader } from '#tar'
import { type ByteString, byteStringToText, toByteString } from '#util'
import type { StoreLayerSpec } from './store-layer-spec.ts'

/** What a member has besides its name and mode. */
export type OwnerFields = Pick<MemberMeta, 'uid' | 'gid' | 'uname' | 'gname' | 'mtimeSeconds'>

/** What every member of a store layer has in common. */
export function ownerFields(spec: Pick<StoreLayerSpec, 'owner' | 'mtimeSeconds'>): OwnerFields {
  return {
    uid: spec.owner.uid,
    gid: spec.owner.gid,
    uname: toByteString(spec.owner.uname),
    gname: toByteString(spec.owner.gname),
    mtimeSeconds: spec.mtimeSeconds,
  }
}

/** The members that every store layer begins with. */
export function leadingHeaders(
  spec: Pick<StoreLayerSpec, 'owner' | 'mtimeSeconds'>,
): (TarHeader & { readonly type: 'directory' })[] {
  return ['/nix', '/nix/store'].map((path) => ({
    type: 'directory',
    path: toByteString(path),
    mode: 0o755,
    ...ownerFields(spec),
  }))
}

/** What is said of a socket: nothing in an image could use one. */
export function socketInLayer(path: ByteString): DockerToolsError {
  return new DockerToolsError(
    'FILE_TYPE_UNSUPPORTED',
    `Cannot put "${byteStringToText(path)}" into a layer: it is a socket`,
  )
}
