import type { BuildEvent } from '#events'
import type { ByteSink } from '#util'

/** A sink that keeps everything. */
export interface CollectingSink extends ByteSink {
  bytes(): Buffer
}

export function collectingSink(): CollectingSink {
  const parts: Uint8Array[] = []
  return {
    write: (chunk) => void parts.push(Uint8Array.from(chunk)),
    bytes: () => Buffer.concat(parts),
  }
}

/** Keeps events. */
export function collectEvents(): { readonly events: BuildEvent[]; readonly onEvent: (event: BuildEvent) => void } {
  const events: BuildEvent[] = []
  return { events, onEvent: (event) => void events.push(event) }
}
