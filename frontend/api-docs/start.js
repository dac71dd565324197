// A page of its own origin: what is tried here is done with the session of whoever is signed in.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
