// Served from the app's origin, so that requests use the signed-in user's session.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
