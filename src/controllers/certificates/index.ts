export { createCertificateApprovingController } from './approving.js';
export { createCertificateCleanerController } from './cleaner.js';
export { type CertificateSigningOptions, createCertificateSigningController } from './signing.js';
