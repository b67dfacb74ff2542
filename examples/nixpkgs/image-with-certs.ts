import { rootCertificates } from 'node:tls'
import { buildEnv, buildImage, caCertificates, writeTextDir } from 'dockertools'
import { coreutils } from './packages/packages.ts'

/** Those that Node has; without the argument, nixpkgs' or the machine's are taken. */
const cacert = writeTextDir('etc/ssl/certs/ca-bundle.crt', `${rootCertificates.join('\n')}\n`)

/**
 * Three names for one file.
 *
 *     npx dockertools stream examples/nixpkgs/image-with-certs.ts | docker load
 *     docker run --rm image-with-certs ls /etc/ssl/certs /etc/pki/tls/certs
 */
export default buildImage({
  name: 'image-with-certs',
  tag: 'latest',
  copyToRoot: buildEnv({ name: 'image-with-certs-root', paths: [coreutils, caCertificates({ cacert })] }),
  config: { Env: ['PATH=/bin'] },
})
