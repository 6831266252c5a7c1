// Everything that this machine's own kernel may not be able to run.
import '../../kernel/proxy-packets.test.js';
import './ipvs-only.js';
import './sctp.js';
import { runAll } from './vitest.js';

const failures = await runAll(new RegExp(process.argv[2] ?? ''));
process.exit(failures === 0 ? 0 : 1);
