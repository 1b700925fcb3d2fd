/** Counts the changes of a daemon set's template; a field of its own in old versions, an annotation since. */
export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
