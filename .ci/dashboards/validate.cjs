// Holds Dashboard Studio views against the schema that Splunk publishes: the
// definition, the options of every visualization, and Splunk's own checks of
// tokens, inputs and layouts. Usage: node validate.cjs FOLDER VIEW.xml...
// where FOLDER has the packages of package-lock.json installed.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const [folder, ...views] = process.argv.slice(2);
if (views.length === 0) {
  console.error('no views to validate; usage: node validate.cjs FOLDER VIEW.xml...');
  process.exit(2);
}
const from = createRequire(path.join(path.resolve(folder), 'package.json'));
const { createSchemaBasedOnDicts } = from('@splunk/dashboard-definition');
const { DashboardValidator } = from('@splunk/dashboard-validation');
const published = from('@splunk/visualization-schemas');

const visualizations = {
  'splunk.area': published.areaOptionsSchema,
  'splunk.bar': published.barOptionsSchema,
  'splunk.column': published.columnOptionsSchema,
  'splunk.line': published.lineOptionsSchema,
  'splunk.markdown': published.markdownOptionsSchema,
  'splunk.pie': published.pieOptionsSchema,
  'splunk.sankey': published.sankeyOptionsSchema,
  'splunk.singlevalue': published.singleValueOptionsSchema,
  'splunk.table': published.tableOptionsSchema,
};

const validator = new DashboardValidator();
const refused = validator.setSchema(createSchemaBasedOnDicts({ visualizationDict: visualizations }));
if (refused) throw refused;

// The schema lets a misspelt option pass, and Splunk ignores it.
function unknownOptions(definition) {
  return Object.entries(definition.visualizations).flatMap(([id, { type, options }]) =>
    Object.keys(options ?? {})
      .filter((name) => visualizations[type] && !(name in visualizations[type]))
      .map((name) => ({ instancePath: `/visualizations/${id}/options`, message: `${type} has no option ${name}` })));
}

function findings(view) {
  const text = fs.readFileSync(view, 'utf8').match(/<definition><!\[CDATA\[(.*)\]\]><\/definition>/s);
  if (!text) return [{ instancePath: '', message: 'no <definition> with a CDATA section' }];
  const definition = JSON.parse(text[1]);
  return [...(validator.validate(definition) ?? []), ...unknownOptions(definition)];
}

let bad = 0;
for (const view of views) {
  for (const { instancePath, message } of findings(view)) {
    console.error(`${view}: ${instancePath || '/'}: ${message}`);
    bad++;
  }
}
if (bad > 0) {
  console.error(`${bad} findings; the schema is that of @splunk/dashboard-definition and @splunk/visualization-schemas`);
  process.exit(1);
}
console.log(`${views.length} dashboards are valid by Splunk's published schema`);
