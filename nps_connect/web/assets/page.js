/* Optional: the pages work without it. Prevents double submission; submits nothing by itself. */
(function () {
  "use strict";
  var busy = false;
  document.addEventListener("submit", function (event) {
    var idle = event.submitter && event.submitter.formMethod === "dialog";
    if (busy || idle) { event.preventDefault(); return; }
    busy = true;
    setTimeout(function () { busy = false; }, 3000);
  });
  addEventListener("pageshow", function () { busy = false; });
})();
