import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foreign, html, Markup } from "../../../src/report/render/html/markup.ts";

test("values in a template are escaped as text, and the result of a template is markup", () => {
  const name = `<script>alert("1")</script> & 'more'`;
  assert.equal(
    html`<b title="${name}">${[html`<i>${1}</i>`, name, undefined]}</b>`.text,
    '<b title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;more&#39;"><i>1</i>' +
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;more&#39;</b>",
  );
});

test("control characters and half surrogate pairs are replaced visibly", () => {
  assert.equal(html`${"a\0b\x1b[1m\x7f\x9f\ud83d!\udeaa 🚪"}`.text, "a\ufffdb\ufffd[1m\ufffd\ufffd\ufffd!\ufffd 🚪");
});

test("text of others does not change the direction of the text around it", () => {
  assert.equal(foreign("a\u202eb").text, "<bdi>a\u202eb</bdi>");
});

test("an undefined value leaves no trace in element or attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const written = html`${text}`;
      assert.ok(written instanceof Markup);
      assert.doesNotMatch(written.text, /[<>"'\0]|&(?!(amp|lt|gt|quot|#39);)/);
      assert.ok(Buffer.from(written.text).toString() === written.text, "it is UTF-8");
    }),
  );
});
