/** On a phone, tables become lists: the page never scrolls sideways. */
export const pageStyle = `#sign-in {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
  padding: 12px 20px;
  background: #e8f2ec;
  font: 14px sans-serif;
}
#sign-in button {
  padding: 6px 12px;
  cursor: pointer;
}
.swagger-ui .failure {
  width: 100%;
  padding: 0;
  border: 0;
  background: none;
  color: inherit;
  font: inherit;
  text-align: left;
  overflow-wrap: anywhere;
  cursor: pointer;
}
.swagger-ui .failure::before {
  content: '▸ ';
}
.swagger-ui .response pre.example {
  max-height: 400px;
  margin: 8px 0 0;
  padding: 10px;
  overflow: auto;
  border-radius: 4px;
  background: #333;
  color: #fff;
  font: 12px monospace;
  white-space: pre-wrap;
}
@media (max-width: 640px) {
  .swagger-ui .opblock-body :is(table, tbody, tr, td) {
    display: block;
    width: auto;
    min-width: 0;
    max-width: none;
    overflow-wrap: anywhere;
  }
  .swagger-ui .opblock-body tr[data-code] {
    display: flex;
  }
  .swagger-ui .opblock-body :is(thead, .response-col_links) {
    display: none;
  }
  .swagger-ui .opblock-body :is(.response-col_description, .parameters-col_description) > *,
  .swagger-ui .opblock-body :is(input, select, textarea) {
    max-width: 100%;
  }
}
`
