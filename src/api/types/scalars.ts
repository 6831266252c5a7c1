/** A Kubernetes resource quantity in its text form ("100m", "1Gi"). JSON numbers are accepted on input. */
export type Quantity = string | number;
/** An integer or a string; the JSON type is significant ("80" is a port name, 80 a number). */
export type IntOrString = number | string;
