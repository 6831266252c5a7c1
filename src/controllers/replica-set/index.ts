export {
  createReplicaSetController,
  createReplicationControllerController,
  type ReplicaSetOptions,
} from './controller.js';
