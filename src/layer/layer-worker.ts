// The main module of a layer worker thread.
import { parentPort, workerData } from 'node:worker_threads'
import type { ChunkPool } from './chunk-pool.ts'
import type { LayerJob } from './layer-job.ts'
import { runLayerJob } from './run-layer-job.ts'

const port = parentPort
if (port !== null) {
  const pool = workerData as ChunkPool
  port.on('message', (job: LayerJob) => runLayerJob(job, pool, (answer) => port.postMessage(answer)))
}
