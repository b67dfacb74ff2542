import { buildLayeredImage, fakeNss, type StreamLayeredImageArgs, writeText } from 'dockertools'
import { nginx } from './packages/servers.ts'

const page = writeText('index.html', '<html><body><h1>Hello from NGINX</h1></body></html>\n')

/** The arguments of this image and of `nginxStream`. */
export const args: StreamLayeredImageArgs = {
  name: 'nginx-container',
  tag: 'latest',
  contents: [
    fakeNss({ extraPasswdLines: ['nginx:x:999:999::/var/empty:/bin/false'], extraGroupLines: ['nginx:x:999:'] }),
    ...nginx,
  ],
  extraCommands: 'mkdir -p var/log/nginx var/cache/nginx',
  config: { Cmd: ['/bin/nginx', page], ExposedPorts: { '80/tcp': {} } },
}

/**
 * A service whose folders and user are made without root. The page is in the image because `Cmd` names it.
 *
 *     npx dockertools stream examples/nixpkgs/nginx.ts | docker load
 *     docker run --rm -d -p 8000:80 nginx-container
 *     curl http://localhost:8000/
 */
export default buildLayeredImage(args)
