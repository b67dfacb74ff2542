import type { BuildEvent } from '#events'
import { pythonListRepr } from '#image'
import { printable } from './printable.ts'

/** An event as text for stderr, with the end of its line: in upstream's words where upstream has some. */
export function describeEvent(event: Exclude<BuildEvent, { readonly type: 'progress' }>): string {
  switch (event.type) {
    case 'no-base-image':
      return "No 'fromImage' provided\n"
    case 'base-layer':
      return `Adding base layer ${event.index} from ${printable(event.member)}\n`
    case 'store-layer':
      return `Creating layer ${event.index} from paths: ${pythonListRepr(event.paths)}\n`
    case 'pull-layer':
      if (event.bytes < event.totalBytes) return ''
      return `Pulled layer ${event.index} of ${event.total}: ${event.digest} (${event.totalBytes} bytes)\n`
    case 'customisation-layer':
      return `Creating layer ${event.index} with customisation...\n`
    case 'building':
      return `building '${printable(event.path)}'...\n`
    case 'manifest':
      return 'Adding manifests...\n'
    case 'done':
      return 'Done.\n'
    case 'step':
      return `${printable(event.message)}\n`
    case 'runner':
      return `${event.step} runs with the ${event.runner} runner\n`
    case 'engine':
      return `Loading into ${event.engine}${event.address === null ? '' : ` at ${printable(event.address)}`}\n`
    case 'pushed-blob':
      return `${OUTCOMES[event.outcome]} ${event.digest} (${event.bytes} bytes)\n`
    case 'script-output':
      return event.text
    case 'debug':
      return `debug: ${printable(event.message)}\n`
    case 'warning':
      return `warning (${event.code}): ${printable(event.message)}\n`
  }
}

const OUTCOMES = { there: 'Already there:', mounted: 'Mounted', uploaded: 'Uploaded' } as const
