import { encodeNixJson, jsonObject } from '#image'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'

/** The text of `BASE-base.json`, which exists so that store paths in `config` are part of the closure. */
export function encodeBaseJson(args: Pick<ResolvedLayeredArgs, 'architecture' | 'config'>): string {
  return encodeNixJson(jsonObject({ architecture: args.architecture, config: args.config, os: 'linux' }))
}
