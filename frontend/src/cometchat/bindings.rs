//! The parts of CometChat's JavaScript SDK (4.2.0) that the app uses.
//!
//! Getters return `JsValue`: an object from an unexpected response lacks fields, and its methods throw.
//! `convert` reads them.

use js_sys::{Array, Object, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    // Settings and session.

    pub type AppSettings;

    #[wasm_bindgen(js_namespace = CometChat)]
    pub type AppSettingsBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new() -> Result<AppSettingsBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = setRegion, catch)]
    pub fn set_region(this: &AppSettingsBuilder, region: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = subscribePresenceForAllUsers, catch)]
    pub fn subscribe_presence_for_all_users(this: &AppSettingsBuilder) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = autoEstablishSocketConnection, catch)]
    pub fn auto_establish_socket_connection(this: &AppSettingsBuilder, auto: bool) -> Result<(), JsValue>;
    /// Takes the host with the path of the API version, unlike the SDK's other host settings.
    #[wasm_bindgen(method, js_name = overrideClientHost, catch)]
    pub fn override_client_host(this: &AppSettingsBuilder, host: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn build(this: &AppSettingsBuilder) -> Result<AppSettings, JsValue>;

    /// The singleton behind the SDK's static functions.
    pub type Instance;
    #[wasm_bindgen(js_namespace = CometChat, js_name = getInstance, catch)]
    pub fn get_instance(app_id: &str) -> Result<Instance, JsValue>;
    /// Marked as internal by the SDK, whose version is pinned.
    #[wasm_bindgen(method, js_name = setConnectionStatus, catch)]
    pub fn set_connection_status(this: &Instance, status: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = CometChat, catch)]
    pub fn init(app_id: &str, settings: &AppSettings) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = login, catch)]
    pub fn login_with_token(token: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, catch)]
    pub fn logout() -> Result<Promise, JsValue>;
    /// Reads the SDK's storage. `getLoggedInUser`, with a capital I, calls CometChat instead.
    #[wasm_bindgen(js_namespace = CometChat, js_name = getLoggedinUser, catch)]
    pub fn get_loggedin_user() -> Result<Promise, JsValue>;

    /// Closes the socket, also one that is still connecting. The SDK then reopens none by itself.
    #[wasm_bindgen(js_namespace = CometChat, catch)]
    pub fn disconnect() -> Result<(), JsValue>;

    // Listeners. A listener of the same name is replaced.

    #[wasm_bindgen(js_namespace = CometChat, js_name = addConnectionListener, catch)]
    pub fn add_connection_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addLoginListener, catch)]
    pub fn add_login_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addMessageListener, catch)]
    pub fn add_message_listener(name: &str, listener: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = addUserListener, catch)]
    pub fn add_user_listener(name: &str, listener: &Object) -> Result<(), JsValue>;

    // Paged requests.

    #[wasm_bindgen(js_namespace = CometChat)]
    pub type ConversationsRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new() -> Result<ConversationsRequestBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = setLimit, catch)]
    pub fn set_limit(this: &ConversationsRequestBuilder, limit: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn build(this: &ConversationsRequestBuilder) -> Result<PagedRequest, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    pub type UsersRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new() -> Result<UsersRequestBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = setLimit, catch)]
    pub fn set_limit(this: &UsersRequestBuilder, limit: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = setSearchKeyword, catch)]
    pub fn set_search_keyword(this: &UsersRequestBuilder, keyword: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = sortBy, catch)]
    pub fn sort_by(this: &UsersRequestBuilder, field: &str) -> Result<(), JsValue>;
    /// Sets the number of pages to skip.
    #[wasm_bindgen(method, js_name = setPage, catch)]
    pub fn set_page(this: &UsersRequestBuilder, page: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn build(this: &UsersRequestBuilder) -> Result<PagedRequest, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    pub type MessagesRequestBuilder;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new() -> Result<MessagesRequestBuilder, JsValue>;
    #[wasm_bindgen(method, js_name = setLimit, catch)]
    pub fn set_limit(this: &MessagesRequestBuilder, limit: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = setUID, catch)]
    pub fn set_uid(this: &MessagesRequestBuilder, uid: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = setCategories, catch)]
    pub fn set_categories(this: &MessagesRequestBuilder, categories: &Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = setMessageId, catch)]
    pub fn set_message_id(this: &MessagesRequestBuilder, id: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn build(this: &MessagesRequestBuilder) -> Result<PagedRequest, JsValue>;

    /// A request of any of the builders. Each fetch returns the next page.
    pub type PagedRequest;
    #[wasm_bindgen(method, js_name = fetchNext, catch)]
    pub fn fetch_next(this: &PagedRequest) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, js_name = fetchPrevious, catch)]
    pub fn fetch_previous(this: &PagedRequest) -> Result<Promise, JsValue>;

    // Sending.

    /// Sending changes the object, so each attempt needs a new one.
    #[wasm_bindgen(js_namespace = CometChat)]
    pub type TextMessage;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new(receiver: &str, text: &str, receiver_type: &str) -> Result<TextMessage, JsValue>;
    #[wasm_bindgen(method, js_name = setMuid, catch)]
    pub fn set_muid(this: &TextMessage, key: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = sendMessage, catch)]
    pub fn send_message(message: &TextMessage) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = CometChat)]
    pub type TypingIndicator;
    #[wasm_bindgen(constructor, js_namespace = CometChat, catch)]
    pub fn new(receiver: &str, receiver_type: &str) -> Result<TypingIndicator, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = startTyping, catch)]
    pub fn start_typing(indicator: &TypingIndicator) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = endTyping, catch)]
    pub fn end_typing(indicator: &TypingIndicator) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = CometChat, js_name = markAsDelivered, catch)]
    pub fn mark_as_delivered(message: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = CometChat, js_name = markConversationAsRead, catch)]
    pub fn mark_conversation_as_read(with: &str, receiver_type: &str) -> Result<Promise, JsValue>;

    // Objects in responses and events.

    #[wasm_bindgen(js_namespace = CometChat, js_name = getUser, catch)]
    pub fn get_user(uid: &str) -> Result<Promise, JsValue>;

    pub type User;
    #[wasm_bindgen(method, js_name = getUid, catch)]
    pub fn uid(this: &User) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getName, catch)]
    pub fn name(this: &User) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getAuthToken, catch)]
    pub fn auth_token(this: &User) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getStatus, catch)]
    pub fn status(this: &User) -> Result<JsValue, JsValue>;

    pub type Message;
    #[wasm_bindgen(method, js_name = getId, catch)]
    pub fn id(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getSender, catch)]
    pub fn sender(this: &Message) -> Result<User, JsValue>;
    #[wasm_bindgen(method, js_name = getReceiver, catch)]
    pub fn receiver(this: &Message) -> Result<User, JsValue>;
    #[wasm_bindgen(method, js_name = getReceiverId, catch)]
    pub fn receiver_id(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getText, catch)]
    pub fn text(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getSentAt, catch)]
    pub fn sent_at(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getDeliveredAt, catch)]
    pub fn delivered_at(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getReadAt, catch)]
    pub fn read_at(this: &Message) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = getMuid, catch)]
    pub fn muid(this: &Message) -> Result<JsValue, JsValue>;

    pub type Conversation;
    #[wasm_bindgen(method, js_name = getConversationWith, catch)]
    pub fn conversation_with(this: &Conversation) -> Result<User, JsValue>;
    #[wasm_bindgen(method, js_name = getLastMessage, catch)]
    pub fn last_message(this: &Conversation) -> Result<Message, JsValue>;
    #[wasm_bindgen(method, js_name = getUnreadMessageCount, catch)]
    pub fn unread_message_count(this: &Conversation) -> Result<JsValue, JsValue>;

    /// A typing indicator or a receipt that another user sent.
    pub type Signal;
    #[wasm_bindgen(method, js_name = getSender, catch)]
    pub fn sender(this: &Signal) -> Result<User, JsValue>;
    #[wasm_bindgen(method, js_name = getMessageId, catch)]
    pub fn message_id(this: &Signal) -> Result<JsValue, JsValue>;
}
