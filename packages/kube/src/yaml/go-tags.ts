import type { ScalarTag, Tags } from 'yaml';

const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int', default: true, format: 'OCT', test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => Number.parseInt(text.replaceAll('_', '').replace(/^[-+]?0o/, ''), 8) * (text.startsWith('-') ? -1 : 1),
};

const binary: ScalarTag = { tag: 'tag:yaml.org,2002:binary', resolve: (text) => Buffer.from(text, 'base64').toString('utf8') };

const NOT_IN_GO = /:(timestamp|binary|set|omap|pairs)$/;

/**
 * The tags of YAML 1.1 as Kubernetes' Go library takes them (sigs.k8s.io/yaml): dates and numbers of base 60 stay texts, so that
 * `mac: 52:54:00:12:34:56` is no number; binary values are texts; `0o17` is octal.
 */
export function goTags(tags: Tags): Tags {
  return [octal, binary, ...tags.filter((tag) => typeof tag === 'string' || (!NOT_IN_GO.test(tag.tag) && !('format' in tag && tag.format === 'TIME')))];
}
