// The main module of a layer worker thread.
import { parentPort, workerData } from 'node:worker_threads'
import type { LayerJob, LayerWorkerData } from './layer-job.ts'
import { runLayerJob } from './run-layer-job.ts'

const port = parentPort
if (port !== null) {
  const data = workerData as LayerWorkerData
  port.on('message', (job: LayerJob) => runLayerJob(job, data, (answer) => port.postMessage(answer)))
}
