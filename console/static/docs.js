// Owns starting the API documentation with our own files.
// Never sends a request by itself.
import './shell.js';

const place = document.getElementById('swagger');
window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: false,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers['X-CSRF-Token'] = document.querySelector('meta[name="csrf-token"]').content;
    return request;
  },
});
