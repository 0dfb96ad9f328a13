/** The tables of MQTT.js' parser, by which it knows what a code means; they have no types. */
declare module 'mqtt-packet/constants.js' {
  const constants: Readonly<
    Record<'MQTT5_PUBACK_PUBREC_CODES' | 'MQTT5_DISCONNECT_CODES', Record<number, string>>
  >;
  export default constants;
}
