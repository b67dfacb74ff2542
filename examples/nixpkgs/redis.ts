import { buildImage } from 'dockertools'
import bashImage from './bash.ts'
import { coreutils } from './packages/packages.ts'
import { redis } from './packages/servers.ts'

/**
 * A service on top of another image. `runAsRoot` sees both together as its root, and what it changes is the layer.
 *
 *     npx dockertools stream examples/nixpkgs/redis.ts | docker load
 *     docker run --rm -d --name redis redis
 *     docker exec redis redis-cli PING
 */
export default buildImage({
  name: 'redis',
  tag: 'latest',
  fromImage: bashImage,
  copyToRoot: [coreutils, ...redis],
  runAsRoot: `
    mkdir -p /data
    printf '#!/bin/bash\\nredis-cli PING\\n' > /bin/healthcheck
    chmod +x /bin/healthcheck
  `,
  config: {
    Cmd: ['/bin/redis-server'],
    Env: ['PATH=/bin'],
    WorkingDir: '/data',
    Volumes: { '/data': {} },
    // Docker counts nanoseconds.
    Healthcheck: { Test: ['CMD', '/bin/healthcheck'], Interval: 30_000_000_000, Timeout: 10_000_000_000, Retries: 3 },
  },
})
