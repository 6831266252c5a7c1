export { type CertificateSigningOptions, createCertificateSigningController } from './controller.js';
